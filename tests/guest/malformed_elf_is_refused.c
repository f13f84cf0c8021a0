/* elfuse: oracle=skip(qemu-user hands execve to the host kernel) */
/* execve(2): broken headers are ENOEXEC, or the new program ends by a signal; the caller never crashes. */
#include "guest.h"
#include <elf.h>
static const char path[] = "malformed";
static char image[8192];
static Elf64_Ehdr *header = (Elf64_Ehdr *)image;
static Elf64_Phdr *program = (Elf64_Phdr *)(image + sizeof(Elf64_Ehdr));
static void fresh(void) {
    char own[sizeof *header];
    int fd = CHECK(open("/proc/self/exe", O_RDONLY));
    EXPECT(CHECK(read(fd, own, sizeof own)) == sizeof own);
    close(fd);
    memset(image, 0, sizeof image);
    memcpy(image, own, sizeof own);
    header->e_type = ET_EXEC;
    header->e_phoff = sizeof *header;
    header->e_phnum = 1;
    header->e_entry = 0x400000;
    *program = (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = 0x400000, .p_filesz = 4096, .p_memsz = 4096, .p_align = 4096};
}
/* The errno of executing the image, or minus the signal that ended it. */
static int execute(size_t size) {
    int fd = CHECK(open(path, O_CREAT | O_TRUNC | O_WRONLY, 0755)), status;
    EXPECT(CHECK(write(fd, image, size)) == (long)size);
    CHECK(close(fd));
    pid_t pid = CHECK(fork());
    if (!pid) { execl(path, path, (char *)0); _exit(errno); }
    CHECK(waitpid(pid, &status, 0));
    CHECK(unlink(path));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
#define REFUSED(change) do { fresh(); change; EXPECT(execute(sizeof image) == ENOEXEC); } while (0)
#define HARMLESS(change) do { fresh(); change; EXPECT(execute(sizeof image) != 0); } while (0)
int main(void) {
    fresh();
    EXPECT(execute(sizeof image) < 0);
    EXPECT(execute(0) == ENOEXEC && execute(3) == ENOEXEC && execute(4) == ENOEXEC && execute(63) == ENOEXEC);
    REFUSED(image[1] = 'e');
    REFUSED(header->e_machine = EM_S390);
    REFUSED(header->e_type = ET_REL);
    REFUSED(header->e_type = ET_CORE);
    REFUSED(header->e_phentsize = 32);
    REFUSED(header->e_phnum = 0);
    HARMLESS(header->e_phoff = 1 << 20);
    HARMLESS(header->e_phoff = UINT64_MAX - 8);
    HARMLESS(header->e_phnum = 0xffff);
    HARMLESS(program->p_filesz = 1UL << 60; program->p_memsz = 1UL << 60);
    HARMLESS(program->p_filesz = 8192; program->p_memsz = 4096);
    HARMLESS(program->p_vaddr = 1UL << 62);
    HARMLESS(program->p_vaddr = UINT64_MAX - 4095);
    HARMLESS(program->p_offset = 1);
    HARMLESS(program->p_type = PT_NULL);
    HARMLESS(header->e_entry = 0x10);
    memcpy(image, "plain text", 11);
    EXPECT(execute(11) == ENOEXEC);
    return 0;
}
