/* elfuse: oracle=skip(qemu-user drops SA_NOCLDWAIT) */
/* sigaction(2): with SIGCHLD ignored or SA_NOCLDWAIT children leave no status; wait blocks, then fails with ECHILD. */
#include "guest.h"
static volatile int hits;
static void handler(int signo) { (void)signo; hits++; }
static void run(void) {
    int ends[2];
    char byte;
    CHECK(pipe(ends));
    pid_t pid = CHECK(fork());
    if (!pid) { close(ends[1]); CHECK(read(ends[0], &byte, 1)); _exit(3); }
    CHECK(close(ends[1]));
    long result;
    while ((result = waitpid(pid, 0, 0)) == -1 && errno == EINTR) {}
    EXPECT(result == -1 && errno == ECHILD);
    EXPECT_ERRNO(kill(pid, 0), ESRCH);
    close(ends[0]);
}
int main(void) {
    signal(SIGCHLD, SIG_IGN);
    run();
    on_signal(SIGCHLD, handler, SA_NOCLDWAIT);
    run();
    EXPECT(hits == 1);
    signal(SIGCHLD, SIG_DFL);
    pid_t pid = CHECK(fork());
    if (!pid) _exit(4);
    EXPECT(reap(pid) == 4);
    return 0;
}
