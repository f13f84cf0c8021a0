/* setrlimit(2): running over RLIMIT_STACK is SIGSEGV, which needs an alternate stack to be handled. */
#include "fault.h"
#include <sys/resource.h>
static volatile int depth, levels = 1 << 20;
__attribute__((noinline)) static int deeper(int level) {
    volatile char frame[65536];
    frame[0] = (char)level;
    depth++;
    return level < levels ? deeper(level + 1) + frame[0] : 0;
}
static void overflow(int signo) { _exit(signo == SIGSEGV && depth > 20 ? 3 : 4); }
int main(void) {
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_STACK, &limit));
    limit.rlim_cur = 2 << 20;
    CHECK(setrlimit(RLIMIT_STACK, &limit));
    pid_t pid = CHECK(fork());
    if (!pid) { signal(SIGSEGV, SIG_DFL); _exit(deeper(0)); }
    EXPECT(reap_signal(pid) == SIGSEGV);
    pid = CHECK(fork());
    if (!pid) {
        stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
        CHECK(sigaltstack(&stack, 0));
        on_signal(SIGSEGV, overflow, SA_ONSTACK);
        _exit(deeper(0));
    }
    EXPECT(reap(pid) == 3);
    return 0;
}
