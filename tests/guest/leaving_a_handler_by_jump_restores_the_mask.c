/* siglongjmp(3): leaves a handler many times, from the alternate stack too; the saved mask is back. */
#include "guest.h"
#include <setjmp.h>
static sigjmp_buf back;
static void handler(int signo) { siglongjmp(back, signo); }
int main(void) {
    sigset_t mask;
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536}, now;
    CHECK(sigaltstack(&stack, 0));
    on_signal(SIGUSR1, handler, 0);
    on_signal(SIGUSR2, handler, SA_ONSTACK);
    for (volatile int i = 0; i < 40; i++) {
        int wanted = i & 1 ? SIGUSR1 : SIGUSR2, got = sigsetjmp(back, 1);
        if (!got) { raise(wanted); EXPECT(0); }
        EXPECT(got == (i & 1 ? SIGUSR1 : SIGUSR2));
        sigprocmask(0, 0, &mask);
        EXPECT(!sigismember(&mask, SIGUSR1) && !sigismember(&mask, SIGUSR2));
        CHECK(sigaltstack(0, &now));
        EXPECT(now.ss_flags == 0);
    }
    return 0;
}
