/* elfuse: oracle=skip(qemu-user 7.2 ignores MAP_FIXED_NOREPLACE) */
/* mmap(2): MAP_FIXED_NOREPLACE fails with EEXIST on any overlap, else takes exactly the place. */
#include "guest.h"
int main(void) {
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    char *p = mmap(0, 6 * 4096, PROT_READ | PROT_WRITE, flags, -1, 0);
    p[0] = 5;
    CHECK(munmap(p + 4096, 4 * 4096));
    EXPECT(mmap(p, 2 * 4096, PROT_READ, flags | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED && errno == EEXIST);
    EXPECT(mmap(p + 4 * 4096, 2 * 4096, PROT_READ, flags | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED && errno == EEXIST);
    EXPECT(p[0] == 5);
    EXPECT(mmap(p + 4096, 4 * 4096, PROT_READ, flags | MAP_FIXED_NOREPLACE, -1, 0) == p + 4096);
    EXPECT(mmap(p, 6 * 4096, PROT_READ, flags | MAP_FIXED, -1, 0) == p && p[0] == 0);
    return 0;
}
