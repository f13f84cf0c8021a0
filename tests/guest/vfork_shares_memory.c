/* elfuse: oracle=skip(qemu-user makes vfork a fork) */
/* vfork(2): the child runs in the parent's memory, and the parent waits for it. */
#include "guest.h"
static volatile int seen;
int main(void) {
    pid_t pid = vfork();
    if (pid == 0) { seen = 1; _exit(4); }
    CHECK(pid);
    EXPECT(seen == 1);
    EXPECT(reap(pid) == 4);
    return 0;
}
