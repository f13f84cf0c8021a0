/* fork(2), signal(7): handlers and mask are copied; pending signals, alarms and timers are not. */
#include "guest.h"
static volatile int hits;
static void handler(int signo) { (void)signo; hits++; }
int main(void) {
    sigset_t set, pending;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, 0);
    on_signal(SIGUSR1, handler, 0);
    raise(SIGUSR2);
    alarm(50);
    pid_t pid = CHECK(fork());
    if (!pid) {
        sigpending(&pending);
        EXPECT(!sigismember(&pending, SIGUSR2) && alarm(0) == 0);
        sigprocmask(0, 0, &set);
        EXPECT(sigismember(&set, SIGUSR2));
        raise(SIGUSR1);
        EXPECT(hits == 1);
        signal(SIGUSR1, SIG_IGN);
        _exit(0);
    }
    EXPECT(reap(pid) == 0);
    raise(SIGUSR1);
    sigpending(&pending);
    EXPECT(hits == 1 && sigismember(&pending, SIGUSR2) && alarm(0) >= 49);
    return 0;
}
