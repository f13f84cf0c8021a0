/* mprotect(2): protections of pages in the middle of a mapping; errors. */
#include "guest.h"
int main(void) {
    char *p = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(p != MAP_FAILED);
    p[4096] = 5;
    CHECK(mprotect(p + 4096, 4096, PROT_NONE));
    p[0] = p[8192] = 1;
    EXPECT_ERRNO(write(1, p + 4096, 1), EFAULT);
    CHECK(mprotect(p + 4096, 4096, PROT_READ));
    EXPECT(p[4096] == 5);
    EXPECT_ERRNO(mprotect(p + 1, 4096, PROT_READ), EINVAL);
    CHECK(munmap(p + 4096, 4096));
    EXPECT_ERRNO(mprotect(p, 3 * 4096, PROT_READ), ENOMEM);
    return 0;
}
