/* abort(3): the handler runs, then the process ends by SIGABRT, even when that is ignored or blocked. */
#include "guest.h"
#include <sys/resource.h>
static void handler(int signo) { CHECK(write(3, &signo, 4)); }
int main(void) {
    struct rlimit none = {0, 0};
    int ends[2], got = 0;
    sigset_t all;
    CHECK(setrlimit(RLIMIT_CORE, &none));
    CHECK(pipe(ends));
    for (int i = 0; i < 3; i++) {
        pid_t pid = CHECK(fork());
        if (!pid) {
            dup2(ends[1], 3);
            signal(SIGABRT, i == 0 ? handler : SIG_IGN);
            sigfillset(&all);
            if (i == 2) sigprocmask(SIG_SETMASK, &all, 0);
            abort();
        }
        EXPECT(reap_signal(pid) == SIGABRT);
    }
    EXPECT(CHECK(read(ends[0], &got, 4)) == 4 && got == SIGABRT);
    return 0;
}
