/* setpgid(2), setsid(2): who may move whom; EPERM, ESRCH, EINVAL, EACCES. */
#include "guest.h"
int main(int argc, char **argv) {
    if (argc > 1) { for (;;) pause(); }
    pid_t pid = CHECK(fork());
    if (!pid) {
        EXPECT(CHECK(setsid()) == getpid() && getsid(0) == getpid() && getpgrp() == getpid());
        EXPECT_ERRNO(setsid(), EPERM);
        EXPECT_ERRNO(setpgid(0, 0), EPERM);
        EXPECT_ERRNO(setpgid(getppid(), 0), ESRCH);
        EXPECT_ERRNO(setpgid(0, -1), EINVAL);
        int ends[2];
        char byte;
        CHECK(pipe(ends));
        pid_t child = CHECK(fork());
        if (!child) { CHECK(read(ends[0], &byte, 1)); _exit(getpgrp() == getpid() ? 0 : 1); }
        EXPECT_ERRNO(setpgid(child, getppid()), EPERM);
        CHECK(setpgid(child, child));
        EXPECT(getpgid(child) == child);
        CHECK(setpgid(child, getpid()));
        CHECK(setpgid(child, 0));
        CHECK(write(ends[1], "x", 1));
        EXPECT(reap(child) == 0);
        child = CHECK(fork());
        if (!child) { setsid(); raise(SIGSTOP); _exit(0); }
        CHECK(waitpid(child, 0, WUNTRACED));
        EXPECT_ERRNO(setpgid(child, 0), EPERM);
        CHECK(kill(child, SIGKILL));
        CHECK(waitpid(child, 0, 0));
        _exit(0);
    }
    (void)argv;
    EXPECT(reap(pid) == 0);
    return 0;
}
