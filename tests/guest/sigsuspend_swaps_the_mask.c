/* sigsuspend(2): the mask holds during the wait and the handler, then the old one is back; EINTR always. */
#include "guest.h"
static volatile int first, second;
static void handler(int signo) {
    sigset_t now;
    sigprocmask(0, 0, &now);
    EXPECT(sigismember(&now, SIGUSR2) == (signo == SIGUSR1 ? 1 : sigismember(&now, SIGUSR2)));
    if (signo == SIGUSR1) first++; else second++;
}
int main(void) {
    sigset_t blocked, wait_mask, now;
    on_signal(SIGUSR1, handler, SA_RESTART);
    on_signal(SIGUSR2, handler, SA_RESTART);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    CHECK(sigprocmask(SIG_SETMASK, &blocked, 0));
    raise(SIGUSR1);
    EXPECT(first == 0);
    sigemptyset(&wait_mask);
    sigaddset(&wait_mask, SIGUSR2);
    EXPECT_ERRNO(sigsuspend(&wait_mask), EINTR);
    EXPECT(first == 1);
    sigprocmask(0, 0, &now);
    EXPECT(sigismember(&now, SIGUSR1) && !sigismember(&now, SIGUSR2));
    pid_t parent = getpid(), pid = CHECK(fork());
    if (!pid) { nap(10); kill(parent, SIGUSR1); _exit(0); }
    EXPECT_ERRNO(sigsuspend(&wait_mask), EINTR);
    EXPECT(first == 2 && second == 0 && reap(pid) == 0);
    return 0;
}
