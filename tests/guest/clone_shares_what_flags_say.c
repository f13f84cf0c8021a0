/* elfuse: oracle=skip(qemu-user knows fork and threads only) */
/* clone(2): CLONE_FILES, CLONE_FS, CLONE_VM and CLONE_SIGHAND each share one thing. */
#include "guest.h"
#include <sched.h>
static char stack[65536] __attribute__((aligned(16)));
static volatile int memory;
static void handler(int signo) { (void)signo; }
static int change(void *unused) {
    (void)unused;
    memory = 1;
    if (chdir("/")) return 1;
    umask(0111);
    signal(SIGUSR2, handler);
    return dup2(0, 50) == 50 ? 0 : 2;
}
static void run(int flags) {
    struct sigaction action;
    char here[4096];
    EXPECT(getcwd(here, sizeof here));
    umask(022);
    memory = 0;
    signal(SIGUSR2, SIG_DFL);
    close(50);
    EXPECT(reap(CHECK(clone(change, stack + sizeof stack, flags | SIGCHLD, 0))) == 0);
    char now[4096];
    EXPECT(getcwd(now, sizeof now));
    EXPECT((strcmp(now, "/") == 0) == !!(flags & CLONE_FS));
    EXPECT((umask(022) == 0111) == !!(flags & CLONE_FS));
    EXPECT((fcntl(50, F_GETFD) != -1) == !!(flags & CLONE_FILES));
    EXPECT(memory == !!(flags & CLONE_VM));
    CHECK(sigaction(SIGUSR2, 0, &action));
    EXPECT((action.sa_handler == handler) == !!(flags & CLONE_SIGHAND));
    CHECK(chdir(here));
}
int main(void) {
    CHECK(dup2(CHECK(open("/dev/null", O_RDONLY)), 0));
    run(0);
    run(CLONE_FILES);
    run(CLONE_FS);
    run(CLONE_VM);
    run(CLONE_VM | CLONE_SIGHAND | CLONE_FILES | CLONE_FS);
    EXPECT_ERRNO(clone(change, stack + sizeof stack, CLONE_SIGHAND | SIGCHLD, 0), EINVAL);
    EXPECT_ERRNO(clone(change, stack + sizeof stack, CLONE_THREAD | SIGCHLD, 0), EINVAL);
    return 0;
}
