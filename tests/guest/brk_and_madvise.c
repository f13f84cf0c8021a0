/* brk(2), madvise(2): the heap grows and shrinks, discarded pages read as zero. */
#include "guest.h"
int main(void) {
    char *start = sbrk(0);
    EXPECT(sbrk(3 * 4096) == start);
    start[2 * 4096] = 1;
    EXPECT(sbrk(-2 * 4096) != (void *)-1);
    EXPECT((char *)sbrk(0) == start + 4096);
    char *p = mmap(0, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    p[0] = p[4096] = 7;
    CHECK(madvise(p, 4096, MADV_DONTNEED));
    EXPECT(p[0] == 0 && p[4096] == 7);
    EXPECT_ERRNO(madvise(p + 1, 4096, MADV_DONTNEED), EINVAL);
    char *huge = mmap(0, 8UL << 30, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    EXPECT(huge != MAP_FAILED);
    CHECK(mprotect(huge + (4UL << 30), 4096, PROT_READ | PROT_WRITE));
    huge[4UL << 30] = 1;
    return 0;
}
