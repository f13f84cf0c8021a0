/* kill(2): a negative or zero number is a process group; every member gets the signal, the others do not. */
#include "guest.h"
int main(void) {
    pid_t pids[3];
    int ends[2], status;
    char byte;
    CHECK(pipe(ends));
    for (int i = 0; i < 3; i++) {
        pids[i] = CHECK(fork());
        if (!pids[i]) { setpgid(0, i == 2 ? 0 : i ? pids[0] : 0); CHECK(write(ends[1], "r", 1)); for (;;) pause(); }
        CHECK(read(ends[0], &byte, 1));
    }
    CHECK(kill(-pids[0], SIGTERM));
    EXPECT(reap_signal(pids[0]) == SIGTERM && reap_signal(pids[1]) == SIGTERM);
    EXPECT(waitpid(pids[2], &status, WNOHANG) == 0);
    CHECK(killpg(pids[2], 0));
    CHECK(killpg(pids[2], SIGKILL));
    EXPECT(reap_signal(pids[2]) == SIGKILL);
    EXPECT_ERRNO(kill(-pids[0], SIGTERM), ESRCH);
    pid_t pid = CHECK(fork());
    if (!pid) {
        CHECK(setpgid(0, 0));
        pid_t inner = CHECK(fork());
        if (!inner) { for (;;) pause(); }
        signal(SIGUSR1, SIG_IGN);
        CHECK(kill(0, SIGUSR1));
        CHECK(waitpid(inner, &status, 0));
        _exit(WIFSIGNALED(status) || WIFEXITED(status) ? 0 : 1);
    }
    EXPECT(reap(pid) == 0);
    return 0;
}
