/* sigaltstack(2), sigaction(2): SA_ONSTACK, SA_RESETHAND, SA_NODEFER. */
#include "guest.h"
static char stack[65536];
static volatile int on_stack, hits;
static void check(int signo) {
    char here;
    stack_t now;
    (void)signo;
    CHECK(sigaltstack(0, &now));
    on_stack = &here >= stack && &here < stack + sizeof stack && (now.ss_flags & SS_ONSTACK);
    EXPECT_ERRNO(sigaltstack(&now, 0), EPERM);
}
static void again(int signo) { if (++hits < 3) raise(signo); }
int main(void) {
    stack_t wanted = {.ss_sp = stack, .ss_size = sizeof stack}, small = {.ss_sp = stack, .ss_size = 100};
    EXPECT_ERRNO(sigaltstack(&small, 0), ENOMEM);
    CHECK(sigaltstack(&wanted, 0));
    struct sigaction action = {.sa_handler = check, .sa_flags = SA_ONSTACK | SA_RESETHAND};
    CHECK(sigaction(SIGUSR1, &action, 0));
    raise(SIGUSR1);
    EXPECT(on_stack);
    CHECK(sigaction(SIGUSR1, 0, &action));
    EXPECT(action.sa_handler == SIG_DFL);
    struct sigaction nodefer = {.sa_handler = again, .sa_flags = SA_NODEFER};
    CHECK(sigaction(SIGUSR2, &nodefer, 0));
    raise(SIGUSR2);
    EXPECT(hits == 3);
    return 0;
}
