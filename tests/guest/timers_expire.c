/* timer_create(2), setitimer(2), alarm(2). */
#include "guest.h"
static volatile int alarms, ticks, value;
static void on_alarm(int signo) { (void)signo; alarms++; }
static void on_timer(int signo, siginfo_t *info, void *context) {
    (void)signo; (void)context;
    ticks++;
    value = info->si_value.sival_int;
}
int main(void) {
    signal(SIGALRM, on_alarm);
    struct itimerval interval = {{0, 10000}, {0, 10000}}, left;
    CHECK(setitimer(ITIMER_REAL, &interval, 0));
    while (alarms < 3) pause();
    CHECK(getitimer(ITIMER_REAL, &left));
    EXPECT(left.it_interval.tv_usec == 10000);
    struct itimerval off = {0};
    CHECK(setitimer(ITIMER_REAL, &off, 0));
    struct sigaction action = {.sa_sigaction = on_timer, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, 0);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value = {.sival_int = 77}};
    timer_t timer;
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer));
    struct itimerspec spec = {.it_value = {0, 10000000}};
    CHECK(timer_settime(timer, 0, &spec, 0));
    while (!ticks) pause();
    EXPECT(value == 77);
    CHECK(timer_delete(timer));
    EXPECT(alarm(100) == 0 && alarm(0) == 100);
    return 0;
}
