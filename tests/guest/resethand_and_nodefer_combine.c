/* sigaction(2): SA_RESETHAND takes the handler away at delivery, SA_NODEFER lets the signal nest, both together. */
#include "guest.h"
static volatile int depth, deepest, hits;
static void nest(int signo) {
    struct sigaction now;
    sigset_t mask;
    sigaction(signo, 0, &now);
    sigprocmask(0, 0, &mask);
    EXPECT(sigismember(&mask, signo) == !(now.sa_flags & SA_NODEFER));
    if (++depth > deepest) deepest = depth;
    if (++hits < 3) raise(signo);
    depth--;
}
static void once(int signo) {
    struct sigaction now;
    sigaction(signo, 0, &now);
    EXPECT(now.sa_handler == SIG_DFL);
    deepest = 50;
}
int main(void) {
    on_signal(SIGUSR1, nest, SA_NODEFER);
    raise(SIGUSR1);
    EXPECT(deepest == 3 && depth == 0);
    deepest = hits = 0;
    on_signal(SIGUSR1, nest, 0);
    raise(SIGUSR1);
    EXPECT(deepest == 1 && hits == 3 && depth == 0);
    on_signal(SIGUSR2, once, SA_RESETHAND | SA_NODEFER);
    raise(SIGUSR2);
    EXPECT(deepest == 50);
    pid_t pid = CHECK(fork());
    if (!pid) { raise(SIGUSR2); _exit(0); }
    EXPECT(reap_signal(pid) == SIGUSR2);
    return 0;
}
