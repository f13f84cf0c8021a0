/* _exit(2), exit(3): the parent sees the low eight bits. */
#include "guest.h"
int main(void) {
    static const int given[] = {0, 1, 127, 128, 255, 256, 257, -1, -256, 0x12345678};
    for (unsigned i = 0; i < sizeof given / sizeof *given; i++) {
        pid_t pid = CHECK(fork());
        if (!pid) { if (i & 1) exit(given[i]); else _exit(given[i]); }
        EXPECT(reap(pid) == (given[i] & 255));
    }
    pid_t pid = CHECK(fork());
    if (!pid) syscall(SYS_exit, 300);
    EXPECT(reap(pid) == 44);
    return 0;
}
