/* elfuse: oracle=skip(qemu-user 7.2 ignores MAP_FIXED_NOREPLACE) */
/* mmap(2), munmap(2): fixed places, NOREPLACE, partial unmapping, errors. */
#include "guest.h"
int main(void) {
    char *p = mmap(0, 5 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(p != MAP_FAILED);
    for (int i = 0; i < 5; i++) p[i * 4096] = (char)(i + 1);
    CHECK(munmap(p + 2 * 4096, 4096));
    EXPECT(p[4096] == 2 && p[3 * 4096] == 4);
    EXPECT_ERRNO(mmap(p, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
    EXPECT(mmap(p + 2 * 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == p + 2 * 4096);
    EXPECT(p[2 * 4096] == 0);
    EXPECT(mmap(p, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p && p[0] == 0);
    EXPECT_ERRNO(mmap(0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EINVAL);
    EXPECT_ERRNO(mmap(0, 4096, PROT_READ, MAP_ANONYMOUS, -1, 0), EINVAL);
    EXPECT_ERRNO(mmap(0, 4096, PROT_READ, MAP_PRIVATE, -1, 0), EBADF);
    EXPECT_ERRNO(munmap(p + 1, 4096), EINVAL);
    return 0;
}
