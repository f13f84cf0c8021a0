/* elfuse: oracle=skip(qemu-user ignores MAP_GROWSDOWN) */
/* mmap(2): a MAP_GROWSDOWN mapping takes pages below it when they are touched. */
#include "fault.h"
int main(void) {
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    char *room = mmap(0, 8 << 20, PROT_NONE, flags, -1, 0);
    CHECK(munmap(room, 8 << 20));
    char *top = room + (8 << 20) - 4096;
    EXPECT(mmap(top, 4096, PROT_READ | PROT_WRITE, flags | MAP_GROWSDOWN | MAP_FIXED, -1, 0) == top);
    catch_faults();
    EXPECT(FAULT(STORE(top)) == 0 && FAULT(STORE(top - 4096)) == 0);
    for (volatile int i = 2; i < 40; i++) EXPECT(FAULT(STORE(top - i * 4096)) == 0);
    EXPECT(top[-4096] == 1 && top[-39 * 4096] == 1);
    return 0;
}
