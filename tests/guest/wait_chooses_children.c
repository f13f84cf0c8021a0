/* wait(2): by number, by group, any; and the errors. */
#include "guest.h"
static pid_t child(int status, pid_t group) {
    pid_t pid = CHECK(fork());
    if (!pid) { setpgid(0, group); raise(SIGSTOP); _exit(status); }
    EXPECT(waitpid(pid, 0, WUNTRACED) == pid);
    return pid;
}
int main(void) {
    int status;
    pid_t own = child(1, getpgrp()), leader = child(2, 0), member = child(3, leader);
    EXPECT(waitpid(-1, &status, WNOHANG) == 0);
    for (int i = 0; i < 3; i++) CHECK(kill((pid_t[]){own, leader, member}[i], SIGCONT));
    EXPECT(waitpid(0, &status, 0) == own && WEXITSTATUS(status) == 1);
    EXPECT_ERRNO(waitpid(0, &status, 0), ECHILD);
    EXPECT(waitpid(member, &status, 0) == member && WEXITSTATUS(status) == 3);
    siginfo_t info = {0};
    EXPECT(waitid(P_PGID, leader, &info, WEXITED) == 0 && info.si_pid == leader && info.si_status == 2);
    EXPECT_ERRNO(waitpid(-leader, &status, 0), ECHILD);
    EXPECT_ERRNO(waitpid(getpid(), &status, 0), ECHILD);
    EXPECT_ERRNO(waitpid(-1, &status, 0x40), EINVAL);
    EXPECT_ERRNO(waitid(P_ALL, 0, &info, 0), EINVAL);
    EXPECT_ERRNO(waitid(99, 0, &info, WEXITED), EINVAL);
    EXPECT_ERRNO(waitid(P_ALL, 0, &info, WEXITED), ECHILD);
    return 0;
}
