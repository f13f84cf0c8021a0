/* elfuse: oracle=skip(qemu-user drops SA_NOCLDSTOP) */
/* sigaction(2): CLD_EXITED, CLD_KILLED, CLD_STOPPED, CLD_CONTINUED; SA_NOCLDSTOP leaves out the last two. */
#include "guest.h"
static int take(siginfo_t *info, int milliseconds) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    return sigtimedwait(&set, info, &(struct timespec){0, milliseconds * 1000000L});
}
static void handler(int signo) { (void)signo; }
int main(void) {
    sigset_t set;
    siginfo_t info;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    CHECK(sigprocmask(SIG_BLOCK, &set, 0));
    on_signal(SIGCHLD, handler, 0);
    pid_t pid = CHECK(fork());
    if (!pid) { raise(SIGSTOP); _exit(33); }
    EXPECT(take(&info, 900) == SIGCHLD && info.si_code == CLD_STOPPED && info.si_pid == pid && info.si_status == SIGSTOP);
    CHECK(kill(pid, SIGCONT));
    EXPECT(take(&info, 900) == SIGCHLD && (info.si_code == CLD_CONTINUED || info.si_code == CLD_EXITED));
    CHECK(waitid(P_PID, pid, &info, WEXITED));
    EXPECT(info.si_code == CLD_EXITED && info.si_status == 33 && info.si_uid == getuid());
    take(&info, 1);
    on_signal(SIGCHLD, handler, SA_NOCLDSTOP);
    pid = CHECK(fork());
    if (!pid) { for (;;) pause(); }
    CHECK(kill(pid, SIGSTOP));
    EXPECT(waitpid(pid, 0, WUNTRACED) == pid && take(&info, 20) == -1 && errno == EAGAIN);
    CHECK(kill(pid, SIGKILL));
    EXPECT(take(&info, 900) == SIGCHLD && info.si_code == CLD_KILLED && info.si_status == SIGKILL && info.si_pid == pid);
    EXPECT(reap_signal(pid) == SIGKILL);
    return 0;
}
