/* signalfd(2): blocked signals are read in order with their facts; the mask can change; polling and EAGAIN. */
#include "guest.h"
#include <poll.h>
#include <sys/signalfd.h>
int main(void) {
    struct signalfd_siginfo info[4];
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGCHLD);
    CHECK(sigprocmask(SIG_BLOCK, &set, 0));
    int fd = CHECK(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    EXPECT_ERRNO(read(fd, info, sizeof info), EAGAIN);
    EXPECT_ERRNO(read(fd, info, 100), EINVAL);
    CHECK(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 44}));
    pid_t pid = CHECK(fork());
    if (!pid) _exit(9);
    siginfo_t ended;
    CHECK(waitid(P_PID, pid, &ended, WEXITED | WNOWAIT));
    struct pollfd watched = {fd, POLLIN, 0};
    EXPECT(CHECK(poll(&watched, 1, 1000)) == 1);
    EXPECT(CHECK(read(fd, info, sizeof info)) == 2 * sizeof *info);
    EXPECT(info[0].ssi_signo == SIGUSR1 && info[0].ssi_int == 44 && info[0].ssi_code == SI_QUEUE && info[0].ssi_pid == (uint32_t)getpid());
    EXPECT(info[1].ssi_signo == SIGCHLD && info[1].ssi_pid == (uint32_t)pid && info[1].ssi_status == 9 && info[1].ssi_code == CLD_EXITED);
    EXPECT(reap(pid) == 9 && CHECK(poll(&watched, 1, 0)) == 0);
    sigdelset(&set, SIGUSR1);
    EXPECT(signalfd(fd, &set, 0) == fd);
    raise(SIGUSR1);
    EXPECT_ERRNO(read(fd, info, sizeof info), EAGAIN);
    EXPECT_ERRNO(signalfd(0, &set, 0), EINVAL);
    EXPECT_ERRNO(signalfd(99, &set, 0), EBADF);
    EXPECT_ERRNO(signalfd(-1, &set, 0x1), EINVAL);
    return 0;
}
