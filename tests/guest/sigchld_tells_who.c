/* sigaction(2): SIGCHLD's siginfo, sigtimedwait, SA_NOCLDWAIT. */
#include "guest.h"
int main(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    CHECK(sigprocmask(SIG_BLOCK, &set, 0));
    pid_t pid = CHECK(fork());
    if (!pid) _exit(33);
    siginfo_t info;
    struct timespec limit = {5, 0};
    EXPECT(sigtimedwait(&set, &info, &limit) == SIGCHLD);
    EXPECT(info.si_pid == pid && info.si_code == CLD_EXITED && info.si_status == 33);
    EXPECT(reap(pid) == 33);
    struct timespec none = {0, 0};
    EXPECT_ERRNO(sigtimedwait(&set, &info, &none), EAGAIN);
    struct sigaction action = {.sa_handler = SIG_IGN};
    CHECK(sigaction(SIGCHLD, &action, 0));
    pid = CHECK(fork());
    if (!pid) _exit(1);
    EXPECT_ERRNO(waitpid(pid, 0, 0), ECHILD);
    return 0;
}
