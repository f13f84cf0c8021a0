/* elfuse: oracle=skip(qemu-user makes vfork a fork) */
/* vfork(2): the parent goes on when the child executes a program, not when that ends; nothing else is shared then. */
#include "guest.h"
int main(int argc, char **argv) {
    char byte;
    if (argc > 1) {
        EXPECT(CHECK(read(0, &byte, 1)) == 1 && byte == 'g');
        return 5;
    }
    int ends[2];
    volatile int seen = 0;
    CHECK(pipe(ends));
    pid_t pid = vfork();
    if (!pid) {
        seen = 1;
        dup2(ends[0], 0);
        execl("/proc/self/exe", argv[0], "child", (char *)0);
        _exit(9);
    }
    EXPECT(CHECK(pid) > 0 && seen == 1 && waitpid(pid, 0, WNOHANG) == 0);
    CHECK(write(ends[1], "g", 1));
    EXPECT(reap(pid) == 5);
    pid = vfork();
    if (!pid) { execl("/missing", "x", (char *)0); seen = errno; _exit(6); }
    EXPECT(reap(pid) == 6 && seen == ENOENT);
    return 0;
}
