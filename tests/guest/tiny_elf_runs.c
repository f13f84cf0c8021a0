/* elfuse: oracle=skip(qemu-user hands execve to the host kernel) */
/* elf(5): one segment that is code and data, with a zeroed tail longer than the file. For aarch64 only. */
#include "guest.h"
#include <elf.h>
static struct { Elf64_Ehdr header; Elf64_Phdr program; uint32_t code[8]; } image = {
    .header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT}, .e_type = ET_EXEC, .e_machine = EM_AARCH64,
               .e_version = 1, .e_phoff = sizeof(Elf64_Ehdr), .e_phnum = 1, .e_phentsize = sizeof(Elf64_Phdr),
               .e_ehsize = sizeof(Elf64_Ehdr)},
    .program = {.p_type = PT_LOAD, .p_flags = PF_R | PF_W | PF_X, .p_memsz = 0x5000, .p_align = 4096},
    /* adr x1, .; add x1, x1, #0x4000; ldr x0, [x1]; str x1, [x1]; add x0, x0, #42; mov x8, #94; svc #0 */
    .code = {0x10000001, 0x91401021, 0xf9400020, 0xf9000021, 0x9100a800, 0xd2800bc8, 0xd4000001},
};
static int run(uint16_t type, uint64_t base) {
    image.header.e_type = type;
    image.header.e_entry = base + offsetof(__typeof__(image), code);
    image.program.p_vaddr = image.program.p_paddr = base;
    image.program.p_filesz = sizeof image;
    int fd = CHECK(open("tiny", O_CREAT | O_TRUNC | O_WRONLY, 0755));
    CHECK(write(fd, &image, sizeof image));
    CHECK(close(fd));
    pid_t pid = CHECK(fork());
    if (!pid) { execl("./tiny", "tiny", (char *)0); _exit(errno); }
    CHECK(unlink("tiny") + 0 * (fd = reap(pid)));
    return fd;
}
int main(void) {
    EXPECT(run(ET_EXEC, 0x400000) == 42);
    EXPECT(run(ET_EXEC, 0x7000000000) == 42);
    EXPECT(run(ET_DYN, 0) == 42);
    return 0;
}
