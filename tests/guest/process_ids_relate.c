/* getpid(2), getppid(2), gettid(2), getpgid(2): who is whose child, before and after fork. */
#include "guest.h"
int main(void) {
    pid_t parent = getpid(), group = getpgrp(), session = getsid(0);
    EXPECT(parent > 0 && gettid() == parent && syscall(SYS_set_tid_address, 0) == parent);
    pid_t pid = CHECK(fork());
    if (!pid) {
        EXPECT(getpid() != parent && getppid() == parent && gettid() == getpid());
        EXPECT(getpgrp() == group && getsid(0) == session && getpgid(parent) == group);
        _exit(getpid() & 127);
    }
    EXPECT(reap(pid) == (pid & 127));
    EXPECT_ERRNO(kill(pid, 0), ESRCH);
    EXPECT_ERRNO(getpgid(pid), ESRCH);
    EXPECT_ERRNO(getsid(pid), ESRCH);
    return 0;
}
