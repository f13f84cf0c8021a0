/* signal(7): SIGKILL and SIGSTOP are not caught, ignored or blocked. */
#include "guest.h"
int main(void) {
    struct sigaction action = {.sa_handler = SIG_IGN};
    EXPECT_ERRNO(sigaction(SIGKILL, &action, 0), EINVAL);
    EXPECT_ERRNO(sigaction(SIGSTOP, &action, 0), EINVAL);
    CHECK(sigaction(SIGKILL, 0, &action));
    EXPECT_ERRNO(syscall(SYS_rt_sigaction, 0, &action, 0, 8), EINVAL);
    EXPECT_ERRNO(syscall(SYS_rt_sigaction, 65, 0, &action, 8), EINVAL);
    EXPECT_ERRNO(syscall(SYS_rt_sigaction, SIGUSR1, 0, 0, 4), EINVAL);
    sigset_t all, now;
    sigfillset(&all);
    CHECK(sigprocmask(SIG_SETMASK, &all, 0));
    CHECK(sigprocmask(SIG_SETMASK, 0, &now));
    EXPECT(!sigismember(&now, SIGKILL) && !sigismember(&now, SIGSTOP) && sigismember(&now, SIGTERM));
    EXPECT_ERRNO(sigprocmask(9, &all, 0), EINVAL);
    pid_t pid = CHECK(fork());
    if (!pid) { raise(SIGSTOP); raise(SIGKILL); _exit(0); }
    int status;
    EXPECT(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
    CHECK(kill(pid, SIGCONT));
    EXPECT(reap_signal(pid) == SIGKILL);
    return 0;
}
