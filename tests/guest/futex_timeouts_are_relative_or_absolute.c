/* futex(2): FUTEX_WAIT takes a duration, FUTEX_WAIT_BITSET a time on either clock; bad times are EINVAL. */
#include "guest.h"
#include <linux/futex.h>
static uint32_t word;
static long wait_on(int op, struct timespec *timeout) { return syscall(SYS_futex, &word, op, 0, timeout, 0, -1); }
static struct timespec later(clockid_t clock, long nanoseconds) {
    struct timespec time = {0, 0};
    if (clock >= 0) clock_gettime(clock, &time);
    time.tv_nsec += nanoseconds;
    if (time.tv_nsec >= 1000000000) { time.tv_sec++; time.tv_nsec -= 1000000000; }
    return time;
}
int main(void) {
    int64_t start = now_ns();
    struct timespec time = later(-1, 10000000);
    EXPECT_ERRNO(wait_on(FUTEX_WAIT, &time), ETIMEDOUT);
    EXPECT(now_ns() - start >= 10000000);
    start = now_ns();
    time = later(CLOCK_MONOTONIC, 10000000);
    EXPECT_ERRNO(wait_on(FUTEX_WAIT_BITSET_PRIVATE, &time), ETIMEDOUT);
    EXPECT(now_ns() - start >= 9000000);
    start = now_ns();
    time = later(CLOCK_REALTIME, 10000000);
    EXPECT_ERRNO(wait_on(FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, &time), ETIMEDOUT);
    EXPECT(now_ns() - start >= 8000000);
    time = later(CLOCK_MONOTONIC, 0);
    time.tv_sec -= 1;
    EXPECT_ERRNO(wait_on(FUTEX_WAIT_BITSET_PRIVATE, &time), ETIMEDOUT);
    time = (struct timespec){0, 0};
    EXPECT_ERRNO(wait_on(FUTEX_WAIT_PRIVATE, &time), ETIMEDOUT);
    time = (struct timespec){0, 1000000000};
    EXPECT_ERRNO(wait_on(FUTEX_WAIT_PRIVATE, &time), EINVAL);
    time = (struct timespec){-1, 0};
    EXPECT_ERRNO(wait_on(FUTEX_WAIT_PRIVATE, &time), EINVAL);
    EXPECT_ERRNO(wait_on(120, 0), ENOSYS);
    return 0;
}
