/* elfuse: oracle=skip(qemu-user hands execve to the host kernel) */
/* execve(2): E2BIG for one string over 128 KiB and for more than a quarter of the stack limit in all. */
#include "guest.h"
#include <sys/resource.h>
int main(int argc, char **argv) {
    if (argc > 1) return argc == 3 ? 6 : (int)strlen(argv[1]) == 131071 ? 7 : 8;
    char *big = malloc(200000), *arguments[64] = {"program", big, 0};
    memset(big, 'x', 200000);
    big[131072] = 0;
    EXPECT_ERRNO(execv("/proc/self/exe", arguments), E2BIG);
    big[131071] = 0;
    pid_t pid = CHECK(fork());
    if (!pid) { execv("/proc/self/exe", arguments); _exit(errno); }
    EXPECT(reap(pid) == 7);
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_STACK, &limit));
    limit.rlim_cur = 8 << 20;
    CHECK(setrlimit(RLIMIT_STACK, &limit));
    for (int i = 1; i < 20; i++) arguments[i] = big;
    arguments[20] = 0;
    EXPECT_ERRNO(execv("/proc/self/exe", arguments), E2BIG);
    return 0;
}
