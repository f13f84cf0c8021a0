/* timer_create(2), timer_settime(2): one-shot and absolute times, overruns, SIGEV_NONE, errors; fork has none. */
#include "guest.h"
static volatile int hits, overruns;
static void handler(int signo, siginfo_t *info, void *context) {
    (void)signo; (void)context;
    EXPECT(info->si_code == SI_TIMER && info->si_value.sival_int == 5);
    hits++;
    overruns += info->si_overrun;
}
int main(void) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value = {.sival_int = 5}};
    timer_t timer, quiet;
    sigset_t set;
    CHECK(sigaction(SIGUSR1, &action, 0));
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer));
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK(sigprocmask(SIG_BLOCK, &set, 0));
    struct itimerspec often = {{0, 2000000}, {0, 2000000}}, left, off = {0};
    CHECK(timer_settime(timer, 0, &often, 0));
    nap(30);
    CHECK(sigprocmask(SIG_UNBLOCK, &set, 0));
    EXPECT(hits >= 1 && overruns >= 5);
    CHECK(timer_settime(timer, 0, &off, &left));
    EXPECT(left.it_interval.tv_nsec == 2000000 && left.it_value.tv_nsec <= 2000000);
    struct itimerspec absolute = {0};
    clock_gettime(CLOCK_MONOTONIC, &absolute.it_value);
    hits = 0;
    CHECK(timer_settime(timer, TIMER_ABSTIME, &absolute, 0));
    while (!hits) usleep(1000);
    CHECK(timer_gettime(timer, &left));
    EXPECT(left.it_value.tv_sec == 0 && left.it_value.tv_nsec == 0);
    event.sigev_notify = SIGEV_NONE;
    CHECK(timer_create(CLOCK_REALTIME, &event, &quiet));
    CHECK(timer_settime(quiet, 0, &(struct itimerspec){.it_value = {50, 0}}, 0));
    CHECK(timer_gettime(quiet, &left));
    EXPECT(left.it_value.tv_sec >= 49 && hits == 1);
    EXPECT_ERRNO(timer_settime(timer, 0, &(struct itimerspec){.it_value = {0, -5}}, 0), EINVAL);
    EXPECT_ERRNO(timer_create(99, &event, &quiet), EINVAL);
    CHECK(timer_delete(timer));
    EXPECT_ERRNO(timer_delete(timer), EINVAL);
    return 0;
}
