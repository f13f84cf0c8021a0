/* waitid(2): CLD_STOPPED, CLD_CONTINUED, CLD_EXITED, CLD_KILLED, CLD_DUMPED and their status; WNOHANG clears si_pid. */
#include "guest.h"
#include <sys/resource.h>
int main(void) {
    siginfo_t info;
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    pid_t pid = CHECK(fork());
    if (!pid) { for (;;) pause(); }
    CHECK(setpgid(pid, pid)); /* SIGTSTP would not stop a member of an orphaned group. */
    info.si_pid = 99;
    CHECK(waitid(P_PID, pid, &info, WEXITED | WNOHANG));
    EXPECT(info.si_pid == 0);
    CHECK(kill(pid, SIGTSTP));
    CHECK(waitid(P_PID, pid, &info, WSTOPPED | WNOWAIT));
    EXPECT(info.si_signo == SIGCHLD && info.si_code == CLD_STOPPED && info.si_status == SIGTSTP && info.si_pid == pid);
    EXPECT(info.si_uid == getuid());
    CHECK(waitid(P_PID, pid, &info, WSTOPPED));
    EXPECT(info.si_code == CLD_STOPPED);
    CHECK(waitid(P_PID, pid, &info, WSTOPPED | WNOHANG));
    EXPECT(info.si_pid == 0);
    CHECK(kill(pid, SIGCONT));
    CHECK(waitid(P_PID, pid, &info, WCONTINUED));
    EXPECT(info.si_code == CLD_CONTINUED && info.si_status == SIGCONT);
    CHECK(kill(pid, SIGABRT));
    CHECK(waitid(P_PID, pid, &info, WEXITED));
    EXPECT((info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED) && info.si_status == SIGABRT);
    pid = CHECK(fork());
    if (!pid) _exit(0x1234);
    CHECK(waitid(P_ALL, 0, &info, WEXITED));
    EXPECT(info.si_code == CLD_EXITED && info.si_status == 0x34 && info.si_pid == pid);
    return 0;
}
