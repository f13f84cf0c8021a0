/* wait4(2), getrusage(2), times(2): processor time of this process and of children that were waited for. */
#include "guest.h"
#include <sys/resource.h>
#include <sys/times.h>
static int64_t micro(struct rusage *use) {
    return (use->ru_utime.tv_sec + use->ru_stime.tv_sec) * 1000000L + use->ru_utime.tv_usec + use->ru_stime.tv_usec;
}
static void burn(int milliseconds) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    int64_t until = now.tv_sec * 1000 + now.tv_nsec / 1000000 + milliseconds;
    do clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    while (now.tv_sec * 1000 + now.tv_nsec / 1000000 < until);
}
int main(void) {
    struct rusage self, children, given;
    struct tms all;
    burn(40);
    CHECK(getrusage(RUSAGE_SELF, &self));
    CHECK(getrusage(RUSAGE_CHILDREN, &children));
    EXPECT(micro(&self) >= 30000 && micro(&children) == 0);
    CHECK(getrusage(RUSAGE_THREAD, &self));
    EXPECT(micro(&self) >= 30000);
    pid_t pid = CHECK(fork());
    if (!pid) { burn(60); _exit(0); }
    EXPECT(wait4(pid, 0, 0, &given) == pid && micro(&given) >= 40000);
    CHECK(getrusage(RUSAGE_CHILDREN, &children));
    EXPECT(micro(&children) >= 40000);
    EXPECT(times(&all) != (clock_t)-1 && all.tms_utime + all.tms_stime >= 3 && all.tms_cutime + all.tms_cstime >= 4);
    EXPECT_ERRNO(getrusage(77, &self), EINVAL);
    return 0;
}
