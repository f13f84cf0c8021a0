/* timerfd_create(2): relative, absolute and periodic timers, reading, polling, stopping, errors. */
#include "guest.h"
#include <poll.h>
#include <sys/timerfd.h>
int main(void) {
    uint64_t count = 0;
    struct itimerspec spec = {.it_value = {0, 10000000}}, left;
    int timer = CHECK(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
    EXPECT_ERRNO(read(timer, &count, 8), EAGAIN);
    int64_t start = now_ns();
    CHECK(timerfd_settime(timer, 0, &spec, 0));
    struct pollfd watched = {timer, POLLIN, 0};
    EXPECT(CHECK(poll(&watched, 1, 5000)) == 1 && now_ns() - start >= 10000000);
    EXPECT(CHECK(read(timer, &count, 8)) == 8 && count == 1);
    EXPECT_ERRNO(read(timer, &count, 8), EAGAIN);
    EXPECT_ERRNO(read(timer, &count, 4), EINVAL);
    spec.it_interval.tv_nsec = 4000000;
    CHECK(timerfd_settime(timer, 0, &spec, 0));
    nap(40);
    EXPECT(CHECK(read(timer, &count, 8)) == 8 && count >= 4);
    CHECK(timerfd_gettime(timer, &left));
    EXPECT(left.it_interval.tv_nsec == 4000000 && left.it_value.tv_sec == 0 && left.it_value.tv_nsec <= 4000000);
    CHECK(timerfd_settime(timer, 0, &(struct itimerspec){0}, &left));
    EXPECT(left.it_interval.tv_nsec == 4000000);
    CHECK(timerfd_gettime(timer, &left));
    EXPECT(left.it_value.tv_nsec == 0 && left.it_interval.tv_nsec == 0);
    CHECK(fcntl(timer, F_SETFL, 0));
    spec = (struct itimerspec){0};
    clock_gettime(CLOCK_MONOTONIC, &spec.it_value);
    spec.it_value.tv_nsec += 15000000;
    if (spec.it_value.tv_nsec >= 1000000000) { spec.it_value.tv_sec++; spec.it_value.tv_nsec -= 1000000000; }
    CHECK(timerfd_settime(timer, TFD_TIMER_ABSTIME, &spec, 0));
    EXPECT(CHECK(read(timer, &count, 8)) == 8 && count == 1);
    EXPECT(now_ns() >= spec.it_value.tv_sec * 1000000000L + spec.it_value.tv_nsec);
    int real = CHECK(timerfd_create(CLOCK_REALTIME, 0));
    spec.it_value = (struct timespec){1, 0};
    CHECK(timerfd_settime(real, TFD_TIMER_ABSTIME, &spec, 0));
    EXPECT(CHECK(read(real, &count, 8)) == 8 && count == 1);
    spec.it_value.tv_nsec = -1;
    EXPECT_ERRNO(timerfd_settime(timer, 0, &spec, 0), EINVAL);
    EXPECT_ERRNO(timerfd_create(99, 0), EINVAL);
    EXPECT_ERRNO(timerfd_settime(0, 0, &(struct itimerspec){0}, 0), EINVAL);
    return 0;
}
