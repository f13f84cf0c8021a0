/* uname(2), sysinfo(2), getrandom(2), prlimit(2), sched_getaffinity(2), clocks. */
#include "guest.h"
#include <sched.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
int main(void) {
    struct utsname name;
    CHECK(uname(&name));
    EXPECT(strcmp(name.sysname, "Linux") == 0 && strcmp(name.machine, "aarch64") == 0);
    struct sysinfo info;
    CHECK(sysinfo(&info));
    EXPECT(info.totalram > 0 && info.mem_unit > 0);
    char a[16] = {0}, b[16] = {0};
    EXPECT(getrandom(a, 16, 0) == 16 && getrandom(b, 16, 0) == 16 && memcmp(a, b, 16));
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit));
    EXPECT(limit.rlim_cur > 0 && limit.rlim_cur <= limit.rlim_max);
    cpu_set_t cpus;
    CHECK(sched_getaffinity(0, sizeof cpus, &cpus));
    EXPECT(CPU_COUNT(&cpus) >= 1);
    struct timespec one, two;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &one));
    struct timespec pause_for = {0, 2000000};
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &pause_for, 0));
    CHECK(clock_gettime(CLOCK_MONOTONIC, &two));
    EXPECT((two.tv_sec - one.tv_sec) * 1000000000L + two.tv_nsec - one.tv_nsec >= 2000000);
    EXPECT_ERRNO(clock_gettime(99, &one), EINVAL);
    return 0;
}
