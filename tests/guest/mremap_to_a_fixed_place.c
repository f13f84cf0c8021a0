/* mremap(2): MREMAP_FIXED replaces what is there; errors. */
#include "fault.h"
int main(void) {
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    char *p = mmap(0, 4 * 4096, PROT_READ | PROT_WRITE, flags, -1, 0);
    char *q = mmap(0, 4 * 4096, PROT_READ | PROT_WRITE, flags, -1, 0);
    strcpy(p, "moved");
    strcpy(p + 4096, "second");
    memset(q, 9, 4 * 4096);
    EXPECT(mremap(p, 2 * 4096, 2 * 4096, MREMAP_MAYMOVE | MREMAP_FIXED, q + 4096) == q + 4096);
    EXPECT(strcmp(q + 4096, "moved") == 0 && strcmp(q + 2 * 4096, "second") == 0 && q[0] == 9 && q[3 * 4096] == 9);
    catch_faults();
    EXPECT_FAULT(LOAD(p), SIGSEGV, SEGV_MAPERR, p);
    EXPECT_ERRNO(mremap(q + 1, 4096, 4096, MREMAP_MAYMOVE), EINVAL);
    EXPECT_ERRNO(mremap(q, 4096, 4096, MREMAP_FIXED, p), EINVAL);
    EXPECT_ERRNO(mremap(q, 2 * 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, q + 4096), EINVAL);
    EXPECT_ERRNO(mremap(p, 4096, 2 * 4096, MREMAP_MAYMOVE), EFAULT);
    EXPECT_ERRNO(mremap(q, 4096, 2 * 4096, 0), ENOMEM);
    return 0;
}
