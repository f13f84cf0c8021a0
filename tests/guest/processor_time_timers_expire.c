/* setitimer(2): ITIMER_VIRTUAL and ITIMER_PROF count processor time; reading back; errors. */
#include "guest.h"
static volatile int virtual, profile;
static void handler(int signo) { if (signo == SIGVTALRM) virtual++; else profile++; }
int main(void) {
    struct itimerval soon = {{0, 0}, {0, 30000}}, left, bad = {{0, 0}, {0, 1000000}};
    on_signal(SIGVTALRM, handler, 0);
    on_signal(SIGPROF, handler, 0);
    CHECK(setitimer(ITIMER_VIRTUAL, &soon, 0));
    nap(60);
    CHECK(getitimer(ITIMER_VIRTUAL, &left));
    EXPECT(virtual == 0 && left.it_value.tv_usec > 0 && left.it_interval.tv_usec == 0);
    int64_t limit = now_ns() + 8000000000L;
    while (!virtual && now_ns() < limit) for (volatile int i = 0; i < 2000; i++) {}
    EXPECT(virtual == 1);
    CHECK(setitimer(ITIMER_PROF, &soon, &left));
    EXPECT(left.it_value.tv_usec == 0);
    while (!profile && now_ns() < limit) for (volatile int i = 0; i < 2000; i++) {}
    EXPECT(profile == 1);
    EXPECT_ERRNO(setitimer(ITIMER_REAL, &bad, 0), EINVAL);
    EXPECT_ERRNO(setitimer(9, &soon, 0), EINVAL);
    EXPECT_ERRNO(getitimer(9, &left), EINVAL);
    return 0;
}
