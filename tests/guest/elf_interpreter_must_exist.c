/* elfuse: oracle=skip(qemu-user hands execve to the host kernel) */
/* execve(2): ENOENT for a missing PT_INTERP, EACCES for one that may not run, ELIBBAD for one that is no ELF file. */
#include "guest.h"
#include <elf.h>
static struct { Elf64_Ehdr header; Elf64_Phdr program[2]; char interpreter[64]; char rest[4096]; } image;
static int execute(const char *interpreter) {
    int fd = CHECK(open("/proc/self/exe", O_RDONLY));
    EXPECT(CHECK(read(fd, &image.header, sizeof image.header)) == sizeof image.header);
    close(fd);
    image.header.e_type = ET_EXEC;
    image.header.e_phoff = offsetof(__typeof__(image), program);
    image.header.e_phnum = 2;
    image.header.e_entry = 0x400000;
    strcpy(image.interpreter, interpreter);
    size_t length = strlen(interpreter) + 1;
    image.program[0] = (Elf64_Phdr){.p_type = PT_INTERP, .p_offset = offsetof(__typeof__(image), interpreter),
                                    .p_filesz = length, .p_memsz = length, .p_flags = PF_R, .p_align = 1};
    image.program[1] = (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = 0x400000,
                                    .p_filesz = 4096, .p_memsz = 4096, .p_align = 4096};
    fd = CHECK(open("needs", O_CREAT | O_TRUNC | O_WRONLY, 0755));
    CHECK(write(fd, &image, sizeof image));
    CHECK(close(fd));
    pid_t pid = CHECK(fork());
    if (!pid) { execl("needs", "needs", (char *)0); _exit(errno); }
    int result = reap(pid);
    CHECK(unlink("needs"));
    return result;
}
int main(void) {
    EXPECT(execute("/missing/ld.so") == ENOENT);
    EXPECT(execute("missing") == ENOENT);
    EXPECT(execute("") == ENOEXEC || execute("") == ENOENT);
    int fd = CHECK(open("loader", O_CREAT | O_WRONLY, 0600));
    CHECK(write(fd, &image.rest, sizeof image.rest));
    EXPECT(execute("loader") == EACCES);
    CHECK(fchmod(fd, 0700));
    CHECK(close(fd));
    EXPECT(execute("loader") == ELIBBAD);
    CHECK(unlink("loader"));
    return 0;
}
