/* wait(2): an ended child keeps its number, takes signals without effect, and its status is read once. */
#include "guest.h"
int main(void) {
    pid_t pid = CHECK(fork());
    if (!pid) _exit(6);
    siginfo_t info;
    CHECK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
    CHECK(kill(pid, 0));
    CHECK(kill(pid, SIGKILL));
    EXPECT(getpgid(pid) == getpgrp());
    char path[64], text[512], *state;
    sprintf(path, "/proc/%d/stat", pid);
    state = strrchr(slurp(path, text, sizeof text), ')');
    EXPECT(state && state[2] == 'Z');
    EXPECT(reap(pid) == 6);
    EXPECT_ERRNO(waitpid(pid, 0, 0), ECHILD);
    EXPECT_ERRNO(open(path, O_RDONLY), ENOENT);
    return 0;
}
