/* wait(2), waitid(2): exit codes, signals, WNOHANG, WNOWAIT, stops and continuations. */
#include "guest.h"
int main(void) {
    int status;
    pid_t pid = CHECK(fork());
    if (!pid) { raise(SIGKILL); _exit(0); }
    CHECK(waitpid(pid, &status, 0));
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    pid = CHECK(fork());
    if (!pid) { for (;;) pause(); }
    EXPECT(waitpid(pid, &status, WNOHANG) == 0);
    CHECK(kill(pid, SIGSTOP));
    EXPECT(waitpid(pid, &status, WUNTRACED) == pid);
    EXPECT(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    CHECK(kill(pid, SIGCONT));
    EXPECT(waitpid(pid, &status, WCONTINUED) == pid);
    EXPECT(WIFCONTINUED(status));
    CHECK(kill(pid, SIGTERM));
    siginfo_t info;
    memset(&info, 0, sizeof info);
    CHECK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
    EXPECT(info.si_code == CLD_KILLED && info.si_status == SIGTERM && info.si_pid == pid);
    EXPECT(waitpid(pid, &status, 0) == pid && WTERMSIG(status) == SIGTERM);
    return 0;
}
