/* elfuse: oracle=skip(qemu-user knows SIGCHLD only) */
/* clone(2), wait(2): another exit signal is delivered; such a child needs __WCLONE or __WALL. */
#include "guest.h"
#include <linux/wait.h>
static volatile int hits, chld;
static void handler(int signo) { if (signo == SIGUSR1) hits++; else chld++; }
int main(void) {
    int status;
    on_signal(SIGUSR1, handler, SA_RESTART);
    on_signal(SIGCHLD, handler, SA_RESTART);
    pid_t pid = CHECK(syscall(SYS_clone, SIGUSR1, 0, 0, 0, 0));
    if (!pid) _exit(4);
    EXPECT_ERRNO(waitpid(pid, &status, 0), ECHILD);
    EXPECT(waitpid(pid, &status, __WCLONE) == pid && WEXITSTATUS(status) == 4 && hits == 1 && chld == 0);
    pid = CHECK(syscall(SYS_clone, 0, 0, 0, 0, 0));
    if (!pid) _exit(5);
    EXPECT(waitpid(pid, &status, __WALL) == pid && WEXITSTATUS(status) == 5 && hits == 1 && chld == 0);
    return 0;
}
