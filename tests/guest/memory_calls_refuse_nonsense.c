/* elfuse: oracle=skip(qemu-user passes over unknown advice and protections) */
/* madvise(2), mprotect(2), mremap(2), munmap(2): EINVAL and ENOMEM. */
#include "guest.h"
int main(void) {
    char *p = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    p[0] = p[2 * 4096] = 1;
    CHECK(munmap(p + 4096, 4096));
    EXPECT_ERRNO(madvise(p, 4096, 9999), EINVAL);
    EXPECT_ERRNO(madvise(p, SIZE_MAX - 4096, MADV_DONTNEED), EINVAL);
    EXPECT_ERRNO(mprotect(p + 1, 4096, PROT_READ), EINVAL);
    EXPECT_ERRNO(mprotect(p, 4096, 0x1000), EINVAL);
    EXPECT_ERRNO(mprotect(p, 3 * 4096, PROT_READ | PROT_WRITE), ENOMEM);
    EXPECT_ERRNO(mprotect(p, 4096, PROT_READ | PROT_GROWSDOWN | PROT_GROWSUP), EINVAL);
    CHECK(mprotect(p + 4096, 0, PROT_READ));
    EXPECT_ERRNO(mremap(p, 4096, 0, MREMAP_MAYMOVE), EINVAL);
    EXPECT_ERRNO(mremap(p, 4096, 4096, 0x100), EINVAL);
    EXPECT_ERRNO(munmap(p, SIZE_MAX - 8192), EINVAL);
    EXPECT(p[0] == 1);
    EXPECT_ERRNO(madvise(p, 3 * 4096, MADV_DONTNEED), ENOMEM);
    EXPECT(p[0] == 0 && p[2 * 4096] == 0);
    return 0;
}
