/* sigtimedwait(2): pending ones at once, later ones as they come, EAGAIN at the end, EINTR by others. */
#include "guest.h"
static void handler(int signo) { (void)signo; }
int main(void) {
    sigset_t set;
    siginfo_t info;
    struct timespec none = {0, 0}, soon = {0, 10000000}, bad = {0, -1}, long_time = {10, 0};
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN);
    CHECK(sigprocmask(SIG_BLOCK, &set, 0));
    EXPECT_ERRNO(sigtimedwait(&set, &info, &none), EAGAIN);
    int64_t start = now_ns();
    EXPECT_ERRNO(sigtimedwait(&set, &info, &soon), EAGAIN);
    EXPECT(now_ns() - start >= 10000000);
    EXPECT_ERRNO(sigtimedwait(&set, &info, &bad), EINVAL);
    CHECK(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 9}));
    raise(SIGUSR1);
    EXPECT(sigwaitinfo(&set, &info) == SIGUSR1 && info.si_pid == getpid());
    EXPECT(sigtimedwait(&set, &info, &none) == SIGRTMIN && info.si_value.sival_int == 9 && info.si_code == SI_QUEUE);
    pid_t parent = getpid(), pid = CHECK(fork());
    if (!pid) { nap(10); kill(parent, SIGUSR1); _exit(0); }
    EXPECT(sigtimedwait(&set, &info, &long_time) == SIGUSR1 && info.si_pid == pid && reap(pid) == 0);
    on_signal(SIGALRM, handler, SA_RESTART);
    interrupt_every(10);
    EXPECT_ERRNO(sigtimedwait(&set, &info, &long_time), EINTR);
    interrupt_every(0);
    return 0;
}
