/* getauxval(3): what the kernel tells a new program. */
#include "guest.h"
#include <sys/auxv.h>
int main(int argc, char **argv) {
    EXPECT(argc >= 1);
    EXPECT(getauxval(AT_PAGESZ) == 4096);
    EXPECT(getauxval(AT_HWCAP) & 3);
    EXPECT(getauxval(AT_CLKTCK) == 100);
    EXPECT(strcmp((char *)getauxval(AT_PLATFORM), "aarch64") == 0);
    EXPECT(getauxval(AT_RANDOM) != 0);
    EXPECT(getauxval(AT_PHDR) && getauxval(AT_PHENT) == 56 && getauxval(AT_PHNUM) > 0);
    EXPECT(getauxval(AT_UID) == getuid() && getauxval(AT_EGID) == getegid());
    EXPECT(((char *)getauxval(AT_EXECFN))[0]);
    EXPECT(argv[argc] == 0);
    return 0;
}
