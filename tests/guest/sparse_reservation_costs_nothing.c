/* mmap(2): gigabytes of PROT_NONE or MAP_NORESERVE memory, a few pages of it used. */
#include "fault.h"
int main(void) {
    const size_t giga = 1UL << 30;
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    char *none = mmap(0, 16 * giga, PROT_NONE, flags, -1, 0);
    char *open_space = mmap(0, 4 * giga, PROT_READ | PROT_WRITE, flags, -1, 0);
    EXPECT(none != MAP_FAILED && open_space != MAP_FAILED);
    catch_faults();
    for (size_t i = 1; i < 16; i += 4) {
        EXPECT_FAULT(LOAD(none + i * giga), SIGSEGV, SEGV_ACCERR, none + i * giga);
        CHECK(mprotect(none + i * giga, 4096, PROT_READ | PROT_WRITE));
        none[i * giga] = (char)i;
    }
    for (size_t i = 0; i < 4; i += 2) open_space[i * giga + 77] = (char)i;
    pid_t pid = CHECK(fork());
    if (!pid) {
        for (size_t i = 1; i < 16; i += 4) EXPECT(none[i * giga] == (char)i);
        _exit(0);
    }
    EXPECT(reap(pid) == 0);
    EXPECT(open_space[2 * giga + 77] == 2 && open_space[2 * giga] == 0);
    CHECK(munmap(none, 16 * giga));
    CHECK(munmap(open_space, 4 * giga));
    return 0;
}
