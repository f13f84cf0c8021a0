/* elfuse: oracle=skip(qemu-user 7.2 has no SS_AUTODISARM) */
/* sigaltstack(2): with SS_AUTODISARM the stack is off during the handler and back after it. */
#include "guest.h"
#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif
static char memory[65536];
static volatile int hits;
static void handler(int signo) {
    stack_t now;
    (void)signo;
    CHECK(sigaltstack(0, &now));
    EXPECT(now.ss_flags == SS_DISABLE);
    CHECK(sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, 0));
    hits++;
}
int main(void) {
    stack_t stack = {.ss_sp = memory, .ss_size = sizeof memory, .ss_flags = (int)SS_AUTODISARM}, now;
    CHECK(sigaltstack(&stack, 0));
    on_signal(SIGUSR1, handler, SA_ONSTACK);
    raise(SIGUSR1);
    raise(SIGUSR1);
    CHECK(sigaltstack(0, &now));
    EXPECT(hits == 2 && now.ss_sp == memory && now.ss_flags == (int)SS_AUTODISARM);
    return 0;
}
