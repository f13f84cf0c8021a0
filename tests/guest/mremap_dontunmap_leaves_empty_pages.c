/* elfuse: oracle=skip(qemu-user 7.2 has no MREMAP_DONTUNMAP) */
/* mremap(2): MREMAP_DONTUNMAP moves the pages and leaves zeroes behind. */
#include "guest.h"
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
int main(void) {
    char *p = mmap(0, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    strcpy(p, "content");
    char *q = mremap(p, 2 * 4096, 2 * 4096, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
    EXPECT(q != MAP_FAILED && q != p && strcmp(q, "content") == 0 && p[0] == 0);
    p[0] = 1;
    EXPECT(q[0] == 'c');
    EXPECT_ERRNO(mremap(q, 2 * 4096, 4096, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0), EINVAL);
    return 0;
}
