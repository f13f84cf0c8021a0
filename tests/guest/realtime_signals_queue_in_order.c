/* signal(7): each real-time signal queues, lowest number first, in the order sent; standard ones merge. */
#include "guest.h"
static int order[32], count, merged;
static void handler(int signo, siginfo_t *info, void *context) {
    (void)context;
    order[count++] = (signo - SIGRTMIN) * 100 + info->si_value.sival_int;
}
static void standard(int signo) { (void)signo; merged++; }
int main(void) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    sigset_t all, old;
    sigfillset(&action.sa_mask);
    sigfillset(&all);
    for (int i = 0; i < 3; i++) CHECK(sigaction(SIGRTMIN + i, &action, 0));
    on_signal(SIGUSR1, standard, 0);
    CHECK(sigprocmask(SIG_SETMASK, &all, &old));
    static const int sent[] = {2, 0, 1, 0, 2, 1};
    for (int i = 0; i < 6; i++) {
        CHECK(sigqueue(getpid(), SIGRTMIN + sent[i], (union sigval){.sival_int = i}));
        CHECK(kill(getpid(), SIGUSR1));
    }
    CHECK(sigprocmask(SIG_SETMASK, &old, 0));
    static const int wanted[] = {1, 3, 102, 105, 200, 204};
    EXPECT(count == 6 && merged == 1 && memcmp(order, wanted, sizeof wanted) == 0);
    return 0;
}
