/* elfuse: oracle=skip(qemu-user cannot execute its own /proc/self/exe) */
/* execve(2): handlers become default; ignored signals, mask, pending signals, alarms, directory and umask stay. */
#include "guest.h"
#include <sys/prctl.h>
static void handler(int signo) { (void)signo; }
int main(int argc, char **argv) {
    (void)argv;
    sigset_t set;
    struct sigaction action;
    stack_t stack;
    if (argc > 1) {
        sigaction(SIGUSR1, 0, &action);
        EXPECT(action.sa_handler == SIG_DFL);
        sigaction(SIGUSR2, 0, &action);
        EXPECT(action.sa_handler == SIG_IGN);
        sigprocmask(0, 0, &set);
        EXPECT(sigismember(&set, SIGHUP) && !sigismember(&set, SIGINT));
        sigpending(&set);
        EXPECT(sigismember(&set, SIGHUP));
        sigaltstack(0, &stack);
        EXPECT(stack.ss_flags == SS_DISABLE);
        EXPECT(alarm(0) > 90);
        struct stat status;
        CHECK(stat("marker", &status));
        EXPECT(umask(0) == 0123 && getpgid(0) == getpid());
        char name[17] = {0};
        CHECK(prctl(PR_GET_NAME, name));
        EXPECT(strcmp(name, "custom") != 0);
        return 0;
    }
    pid_t pid = CHECK(fork());
    if (!pid) {
        static char own_stack[65536];
        stack = (stack_t){.ss_sp = own_stack, .ss_size = sizeof own_stack};
        CHECK(sigaltstack(&stack, 0));
        signal(SIGUSR1, handler);
        signal(SIGUSR2, SIG_IGN);
        sigemptyset(&set);
        sigaddset(&set, SIGHUP);
        sigprocmask(SIG_SETMASK, &set, 0);
        raise(SIGHUP);
        alarm(100);
        CHECK(setpgid(0, 0));
        CHECK(prctl(PR_SET_NAME, "custom"));
        CHECK(mkdir("marker", 0700));
        umask(0123);
        execl("/proc/self/exe", "x", "child", (char *)0);
        _exit(9);
    }
    int status = reap(pid);
    CHECK(rmdir("marker"));
    return status;
}
