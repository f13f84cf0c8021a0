/* elfuse: threads, oracle=skip(qemu-user passes over limits on memory) */
/* getrlimit(2), prlimit(2): set, inherited, bounded by the hard limit; EMFILE at RLIMIT_NOFILE. */
#include "guest.h"
#include <pthread.h>
#include <stdbool.h>
#include <sys/resource.h>
static void *set_stack(void *limit) {
    return setrlimit(RLIMIT_STACK, limit) ? limit : NULL;
}
static bool stack_is(rlim_t soft, rlim_t hard) {
    struct rlimit limit;
    return !getrlimit(RLIMIT_STACK, &limit) && limit.rlim_cur == soft && limit.rlim_max == hard;
}
/* The stack's limit is the process's, whoever of its threads sets it, and its children inherit it. */
static void stack_limits(void) {
    struct rlimit limit = {4 << 20, 16 << 20};
    EXPECT(!stack_is(limit.rlim_cur, limit.rlim_max));
    pthread_t other;
    EXPECT(!pthread_create(&other, NULL, set_stack, &limit) && !pthread_join(other, NULL));
    EXPECT(stack_is(4 << 20, 16 << 20));
    pid_t pid = CHECK(fork());
    if (!pid) {
        bool inherited = stack_is(4 << 20, 16 << 20);
        limit.rlim_cur = 2 << 20;
        _exit(inherited && !set_stack(&limit) && stack_is(2 << 20, 16 << 20));
    }
    EXPECT(reap(pid) == 1 && stack_is(4 << 20, 16 << 20));
    EXPECT_ERRNO(syscall(SYS_prlimit64, 0, RLIMIT_STACK, NULL, nowhere()), EFAULT);
}
int main(void) {
    struct rlimit limit, old;
    stack_limits();
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
