/* elfuse: oracle=skip(qemu-user makes CLONE_VM|CLONE_VFORK a fork, so the error is lost) */
/* posix_spawn(3): the child's failure to execute reaches the parent. */
#include "guest.h"
#include <spawn.h>
int main(int argc, char **argv) {
    if (argc > 1) return 6;
    pid_t pid;
    char *args[] = {argv[0], "x", 0}, *env[] = {0};
    EXPECT(posix_spawn(&pid, "/nonexistent", 0, 0, args, env) == ENOENT);
    EXPECT(posix_spawn(&pid, "/proc/self/exe", 0, 0, args, env) == 0);
    EXPECT(reap(pid) == 6);
    return 0;
}
