/* elfuse: oracle=skip(qemu-user 7.2 has no vDSO for aarch64) */
/* vdso(7): the functions are in the image that AT_SYSINFO_EHDR names, and agree with the calls. */
#include "guest.h"
#include <elf.h>
#include <sys/auxv.h>
static void *find(const char *name) {
    char *base = (char *)getauxval(AT_SYSINFO_EHDR);
    EXPECT(base != 0);
    Elf64_Ehdr *header = (Elf64_Ehdr *)base;
    EXPECT(memcmp(header->e_ident, ELFMAG, 4) == 0);
    Elf64_Phdr *program = (Elf64_Phdr *)(base + header->e_phoff);
    Elf64_Dyn *dynamic = 0;
    for (int i = 0; i < header->e_phnum; i++)
        if (program[i].p_type == PT_DYNAMIC) dynamic = (Elf64_Dyn *)(base + program[i].p_offset);
    EXPECT(dynamic != 0);
    Elf64_Sym *symbols = 0; char *strings = 0; uint32_t *hash = 0;
    for (; dynamic->d_tag; dynamic++) {
        if (dynamic->d_tag == DT_SYMTAB) symbols = (Elf64_Sym *)(base + dynamic->d_un.d_ptr);
        if (dynamic->d_tag == DT_STRTAB) strings = base + dynamic->d_un.d_ptr;
        if (dynamic->d_tag == DT_HASH) hash = (uint32_t *)(base + dynamic->d_un.d_ptr);
    }
    for (uint32_t i = 1; i < hash[1]; i++)
        if (strcmp(strings + symbols[i].st_name, name) == 0) return base + symbols[i].st_value;
    return 0;
}
int main(void) {
    int (*gettime)(clockid_t, struct timespec *) = find("__kernel_clock_gettime");
    int (*getres)(clockid_t, struct timespec *) = find("__kernel_clock_getres");
    EXPECT(gettime && getres && find("__kernel_gettimeofday") && find("__kernel_rt_sigreturn"));
    struct timespec a, b, c;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &a));
    EXPECT(gettime(CLOCK_MONOTONIC, &b) == 0);
    CHECK(clock_gettime(CLOCK_MONOTONIC, &c));
    EXPECT(a.tv_sec <= b.tv_sec && b.tv_sec <= c.tv_sec);
    EXPECT(getres(CLOCK_REALTIME, &a) == 0 && a.tv_sec == 0);
    return 0;
}
