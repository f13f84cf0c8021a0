/* mremap(2). */
#include "guest.h"
int main(void) {
    char *p = mmap(0, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(p != MAP_FAILED);
    strcpy(p, "text");
    char *q = mremap(p, 2 * 4096, 64 * 4096, MREMAP_MAYMOVE);
    EXPECT(q != MAP_FAILED && strcmp(q, "text") == 0 && q[63 * 4096] == 0);
    EXPECT(mremap(q, 64 * 4096, 4096, 0) == q);
    char *to = mmap(0, 4 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(mremap(q, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
    EXPECT(strcmp(to, "text") == 0);
    EXPECT_ERRNO(mremap(q, 4096, 4096, MREMAP_MAYMOVE), EFAULT);
    EXPECT_ERRNO(mremap(to + 1, 4096, 8192, MREMAP_MAYMOVE), EINVAL);
    return 0;
}
