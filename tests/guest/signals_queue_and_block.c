/* signal(7): blocking, pending sets, real-time queueing, values. */
#include "guest.h"
static volatile int order[8], values[8], count;
static void handler(int signo, siginfo_t *info, void *context) {
    (void)context;
    order[count] = signo;
    values[count++] = info->si_value.sival_int;
}
int main(void) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    sigfillset(&action.sa_mask);
    sigset_t set, pending;
    sigemptyset(&set);
    int signals[] = {SIGRTMIN, SIGRTMIN + 1, SIGUSR1};
    for (int i = 0; i < 3; i++) { sigaction(signals[i], &action, 0); sigaddset(&set, signals[i]); }
    CHECK(sigprocmask(SIG_BLOCK, &set, 0));
    for (int i = 0; i < 2; i++) {
        union sigval value = {.sival_int = i + 10};
        CHECK(sigqueue(getpid(), SIGRTMIN + 1, value));
        CHECK(sigqueue(getpid(), SIGRTMIN, value));
        CHECK(kill(getpid(), SIGUSR1));
    }
    sigpending(&pending);
    EXPECT(sigismember(&pending, SIGUSR1) && count == 0);
    CHECK(sigprocmask(SIG_UNBLOCK, &set, 0));
    EXPECT(count == 5);
    int seen_usr = 0, rt = 0;
    for (int i = 0; i < count; i++) {
        if (order[i] == SIGUSR1) seen_usr++;
        if (order[i] == SIGRTMIN) EXPECT(values[i] == 10 + rt++);
    }
    EXPECT(seen_usr == 1 && rt == 2);
    return 0;
}
