/* mmap(2): without MAP_FIXED a free hint is used, a taken one is not replaced. */
#include "guest.h"
int main(void) {
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    char *p = mmap(0, 64 * 4096, PROT_READ | PROT_WRITE, flags, -1, 0);
    memset(p, 1, 64 * 4096);
    CHECK(munmap(p + 16 * 4096, 16 * 4096));
    char *hinted = mmap(p + 16 * 4096, 16 * 4096, PROT_READ, flags, -1, 0);
    EXPECT(hinted == p + 16 * 4096);
    char *elsewhere = mmap(p, 4096, PROT_READ, flags, -1, 0);
    EXPECT(elsewhere != MAP_FAILED && elsewhere != p && p[0] == 1 && elsewhere[0] == 0);
    char *unaligned = mmap(p + 1, 4096, PROT_READ, flags, -1, 0);
    EXPECT(unaligned != MAP_FAILED && ((uintptr_t)unaligned & 4095) == 0);
    return 0;
}
