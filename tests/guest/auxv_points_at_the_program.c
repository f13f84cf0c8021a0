/* getauxval(3): addresses in the vector are those of this program, and each entry is there once. */
#include "guest.h"
#include <elf.h>
#include <link.h>
#include <sys/auxv.h>
extern char **environ, _start[], __ehdr_start[];
int main(void) {
    Elf64_Ehdr *header = (Elf64_Ehdr *)__ehdr_start;
    EXPECT(memcmp(header->e_ident, ELFMAG, SELFMAG) == 0);
    EXPECT(getauxval(AT_ENTRY) == (uintptr_t)_start);
    EXPECT(getauxval(AT_PHDR) == (uintptr_t)__ehdr_start + header->e_phoff);
    EXPECT(getauxval(AT_PHNUM) == header->e_phnum);
    EXPECT(getauxval(AT_BASE) == 0 && getauxval(AT_FLAGS) == 0 && getauxval(AT_SECURE) == 0);
    EXPECT(getauxval(AT_UID) == getuid() && getauxval(AT_EUID) == geteuid());
    EXPECT(getauxval(AT_GID) == getgid() && getauxval(AT_EGID) == getegid());
    char **end = environ;
    while (*end++) {}
    int seen[64] = {0}, count = 0;
    for (ElfW(auxv_t) *entry = (ElfW(auxv_t) *)end; entry->a_type; entry++, count++)
        if (entry->a_type < 64) EXPECT(seen[entry->a_type]++ == 0);
    EXPECT(count >= 14 && seen[AT_HWCAP] && seen[AT_HWCAP2] && seen[AT_SECURE] && seen[AT_EXECFN]);
    struct stat program;
    CHECK(stat((char *)getauxval(AT_EXECFN), &program));
    EXPECT(S_ISREG(program.st_mode) && program.st_size > 0);
    return 0;
}
