/* munmap(2): the middle of a mapping, several mappings at once, nothing at all. */
#include "fault.h"
int main(void) {
    char *p = mmap(0, 8 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(p, 7, 8 * 4096);
    catch_faults();
    CHECK(munmap(p + 2 * 4096, 4096));
    CHECK(munmap(p + 5 * 4096, 100));
    EXPECT_FAULT(LOAD(p + 2 * 4096), SIGSEGV, SEGV_MAPERR, p + 2 * 4096);
    EXPECT_FAULT(LOAD(p + 6 * 4096 - 1), SIGSEGV, SEGV_MAPERR, p + 6 * 4096 - 1);
    EXPECT(p[2 * 4096 - 1] == 7 && p[3 * 4096] == 7 && p[5 * 4096 - 1] == 7 && p[6 * 4096] == 7);
    CHECK(munmap(p + 4096, 6 * 4096));
    EXPECT(FAULT(LOAD(p + 3 * 4096)) == SIGSEGV && FAULT(LOAD(p + 6 * 4096)) == SIGSEGV);
    EXPECT(p[0] == 7 && p[7 * 4096] == 7);
    CHECK(munmap(p + 4096, 6 * 4096));
    EXPECT_ERRNO(munmap(p + 1, 4096), EINVAL);
    EXPECT_ERRNO(munmap(p, 0), EINVAL);
    char *again = mmap(p + 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    EXPECT(again == p + 4096 && again[0] == 0);
    return 0;
}
