/* prctl(2): PR_SET_PDEATHSIG is sent when the parent ends; fork clears it. */
#include "guest.h"
#include <sys/prctl.h>
int main(void) {
    int ends[2], value = 0;
    char byte;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK(sigprocmask(SIG_BLOCK, &set, 0));
    CHECK(pipe(ends));
    pid_t middle = CHECK(fork());
    if (!middle) {
        int ready[2];
        CHECK(pipe(ready));
        if (!CHECK(fork())) {
            CHECK(prctl(PR_SET_PDEATHSIG, SIGUSR1));
            CHECK(write(ready[1], "x", 1));
            struct timespec limit = {10, 0};
            byte = sigtimedwait(&set, 0, &limit) == SIGUSR1 ? 'y' : 'n';
            CHECK(write(ends[1], &byte, 1));
            _exit(0);
        }
        CHECK(read(ready[0], &byte, 1));
        _exit(0);
    }
    EXPECT(reap(middle) == 0);
    EXPECT(CHECK(read(ends[0], &byte, 1)) == 1 && byte == 'y');
    CHECK(prctl(PR_SET_PDEATHSIG, SIGTERM));
    CHECK(prctl(PR_GET_PDEATHSIG, &value));
    EXPECT(value == SIGTERM);
    pid_t pid = CHECK(fork());
    if (!pid) { prctl(PR_GET_PDEATHSIG, &value); _exit(value); }
    EXPECT(reap(pid) == 0);
    EXPECT_ERRNO(prctl(PR_SET_PDEATHSIG, 100), EINVAL);
    return 0;
}
