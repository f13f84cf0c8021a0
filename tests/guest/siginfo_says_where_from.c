/* sigaction(2), sigqueue(3): SI_USER, SI_TKILL, SI_QUEUE, SI_TIMER with sender and value. */
#include "guest.h"
static siginfo_t got;
static volatile int hits;
static void handler(int signo, siginfo_t *info, void *context) { (void)signo; (void)context; got = *info; hits++; }
int main(void) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    CHECK(sigaction(SIGUSR1, &action, 0));
    CHECK(kill(getpid(), SIGUSR1));
    EXPECT(hits == 1 && got.si_signo == SIGUSR1 && got.si_code == SI_USER && got.si_pid == getpid() && got.si_uid == getuid());
    raise(SIGUSR1);
    EXPECT(hits == 2 && got.si_code == SI_TKILL && got.si_pid == getpid());
    CHECK(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_ptr = (void *)0x123456789abc}));
    EXPECT(hits == 3 && got.si_code == SI_QUEUE && got.si_value.sival_ptr == (void *)0x123456789abc && got.si_pid == getpid());
    pid_t parent = getpid(), pid = CHECK(fork());
    if (!pid) { sigqueue(parent, SIGUSR1, (union sigval){.sival_int = 77}); _exit(0); }
    while (hits < 4) usleep(1000);
    EXPECT(got.si_code == SI_QUEUE && got.si_int == 77 && got.si_pid == pid && got.si_uid == getuid());
    EXPECT(reap(pid) == 0);
    siginfo_t forged = {.si_code = SI_USER};
    EXPECT_ERRNO(syscall(SYS_rt_sigqueueinfo, getppid(), SIGUSR1, &forged), EPERM);
    EXPECT_ERRNO(sigqueue(getpid(), 65, (union sigval){0}), EINVAL);
    EXPECT_ERRNO(kill(getpid(), -1), EINVAL);
    EXPECT_ERRNO(kill(0x3ffffffe, 0), ESRCH);
    return 0;
}
