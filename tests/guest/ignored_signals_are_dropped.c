/* sigaction(2): setting SIG_IGN, or SIG_DFL for signals ignored by default, discards what is pending. */
#include "guest.h"
static volatile int hits;
static void handler(int signo) { (void)signo; hits++; }
static int pending(int signo) {
    sigset_t set;
    CHECK(sigpending(&set));
    return sigismember(&set, signo);
}
int main(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGURG);
    CHECK(sigprocmask(SIG_BLOCK, &set, 0));
    raise(SIGUSR1);
    EXPECT(pending(SIGUSR1));
    signal(SIGUSR1, SIG_IGN);
    EXPECT(!pending(SIGUSR1));
    signal(SIGURG, handler);
    raise(SIGURG);
    EXPECT(pending(SIGURG));
    signal(SIGURG, SIG_DFL);
    EXPECT(!pending(SIGURG));
    signal(SIGUSR1, handler);
    CHECK(sigprocmask(SIG_UNBLOCK, &set, 0));
    EXPECT(hits == 0);
    signal(SIGUSR1, SIG_IGN);
    raise(SIGUSR1);
    static const int quiet[] = {SIGCHLD, SIGCONT, SIGURG, SIGWINCH};
    for (int i = 0; i < 4; i++) { signal(quiet[i], SIG_DFL); raise(quiet[i]); }
    return 0;
}
