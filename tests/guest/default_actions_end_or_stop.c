/* elfuse: oracle=skip(qemu-user 7.2 keeps real-time signals of the host for itself) */
/* signal(7): which signals end a process by default. */
#include "guest.h"
#include <sys/resource.h>
int main(void) {
    static const int deadly[] = {SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGUSR1, SIGSEGV,
                                 SIGUSR2, SIGPIPE, SIGALRM, SIGTERM, SIGSTKFLT, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGIO,
                                 SIGPWR, SIGSYS, 64};
    struct rlimit none = {0, 0};
    CHECK(setrlimit(RLIMIT_CORE, &none));
    for (unsigned i = 0; i < sizeof deadly / sizeof *deadly; i++) {
        int status;
        pid_t pid = CHECK(fork());
        if (!pid) { kill(getpid(), deadly[i]); _exit(1); }
        CHECK(waitpid(pid, &status, 0));
        EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == deadly[i]);
    }
    return 0;
}
