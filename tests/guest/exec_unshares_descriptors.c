/* execve(2): a process that shares its parent's descriptors has its own from then on. */
/* elfuse: oracle=skip(qemu-user makes such a clone a fork) */
#include "guest.h"
#include <sched.h>

static char stack[65536];

static int execute(void *path) {
    execl(path, path, "child", (char *)NULL);
    _exit(1);
}

int main(int argc, char **argv) {
    if (argc > 1)
        return fcntl(100, F_GETFD) == 0 ? 0 : 2;
    EXPECT(dup2(0, 100) == 100);
    char *path = realpath("/proc/self/exe", NULL);
    EXPECT(path != NULL);
    const int flags = CLONE_VM | CLONE_FILES | CLONE_VFORK | SIGCHLD;
    pid_t child = CHECK(clone(execute, stack + sizeof stack, flags, path));
    EXPECT(reap(child) == 0);
    CHECK(fcntl(100, F_GETFD) | fcntl(0, F_GETFD));
    CHECK(close(100));
    return 0;
}
