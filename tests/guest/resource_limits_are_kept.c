/* elfuse: oracle=skip(qemu-user passes over limits on memory) */
/* getrlimit(2), prlimit(2): set, inherited, bounded by the hard limit; EMFILE at RLIMIT_NOFILE. */
#include "guest.h"
#include <sys/resource.h>
int main(void) {
    struct rlimit limit, old;
    CHECK(getrlimit(RLIMIT_NOFILE, &old));
    limit = (struct rlimit){12, old.rlim_max};
    CHECK(setrlimit(RLIMIT_NOFILE, &limit));
    int last = -1;
    for (int fd; (fd = open("/dev/null", O_RDONLY)) != -1;) last = fd;
    EXPECT(errno == EMFILE && last == 11);
    EXPECT_ERRNO(fcntl(0, F_DUPFD, 12), EINVAL);
    EXPECT_ERRNO(dup2(last, 12), EBADF);
    int ends[2];
    EXPECT_ERRNO(pipe(ends), EMFILE);
    limit.rlim_cur = 100;
    limit.rlim_max = 64;
    EXPECT_ERRNO(setrlimit(RLIMIT_CORE, &limit), EINVAL);
    for (int which = 0; which < RLIM_NLIMITS; which++) CHECK(getrlimit(which, &limit) + 0 * which);
    EXPECT_ERRNO(getrlimit(99, &limit), EINVAL);
    limit = (struct rlimit){0, 0};
    CHECK(setrlimit(RLIMIT_CORE, &limit));
    CHECK(prlimit(0, RLIMIT_CORE, 0, &old));
    EXPECT(old.rlim_cur == 0 && old.rlim_max == 0);
    pid_t pid = CHECK(fork());
    if (!pid) { getrlimit(RLIMIT_NOFILE, &limit); _exit(limit.rlim_cur); }
    EXPECT(reap(pid) == 12);
    EXPECT_ERRNO(prlimit(0x3ffffffe, RLIMIT_CORE, 0, &old), ESRCH);
    return 0;
}
