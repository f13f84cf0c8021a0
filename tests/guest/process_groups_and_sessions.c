/* setpgid(2), setsid(2): groups, sessions, and signals to groups. */
#include "guest.h"
int main(void) {
    pid_t pid = CHECK(fork());
    if (!pid) { setpgid(0, 0); for (;;) pause(); }
    setpgid(pid, pid);
    EXPECT(getpgid(pid) == pid);
    EXPECT(getsid(pid) == getsid(0));
    CHECK(kill(-pid, SIGTERM));
    int status;
    EXPECT(waitpid(-pid, &status, 0) == pid && WTERMSIG(status) == SIGTERM);
    pid = CHECK(fork());
    if (!pid) {
        EXPECT(setsid() == getpid());
        EXPECT(getpgrp() == getpid() && getsid(0) == getpid());
        EXPECT_ERRNO(setsid(), EPERM);
        _exit(3);
    }
    EXPECT(reap(pid) == 3);
    EXPECT_ERRNO(setpgid(0, 0x7ffffff), EPERM);
    return 0;
}
