/* mlock(2), mincore(2): small locks succeed; holes are ENOMEM. */
#include "guest.h"
int main(void) {
    unsigned char present[4] = {0};
    char *p = mmap(0, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    p[0] = p[4096] = 1;
    CHECK(mlock(p, 2 * 4096));
    CHECK(munlock(p, 2 * 4096));
    CHECK(mincore(p, 2 * 4096, present));
    EXPECT((present[0] & 1) && (present[1] & 1));
    EXPECT_ERRNO(mincore(p + 1, 4096, present), EINVAL);
    EXPECT_ERRNO(mincore(p, 4096, nowhere()), EFAULT);
    CHECK(munmap(p + 4096, 4096));
    EXPECT_ERRNO(mincore(p, 4 * 4096, present), ENOMEM);
    EXPECT_ERRNO(mlock(p, 4 * 4096), ENOMEM);
    CHECK(munlockall());
    return 0;
}
