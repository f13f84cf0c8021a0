/* elfuse: oracle=skip(qemu-user cannot execute its own /proc/self/exe) */
/* setpgid(2): EACCES once the child has executed a program. */
#include "guest.h"
int main(int argc, char **argv) {
    if (argc > 1) {
        CHECK(write(1, "r", 1));
        for (;;) pause();
    }
    int ends[2];
    char byte;
    CHECK(pipe(ends));
    pid_t pid = CHECK(fork());
    if (!pid) { dup2(ends[1], 1); execl("/proc/self/exe", argv[0], "child", (char *)0); _exit(1); }
    CHECK(read(ends[0], &byte, 1));
    EXPECT_ERRNO(setpgid(pid, 0), EACCES);
    CHECK(kill(pid, SIGKILL));
    EXPECT(reap_signal(pid) == SIGKILL);
    return 0;
}
