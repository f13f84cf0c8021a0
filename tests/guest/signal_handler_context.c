/* sigaction(2), sigreturn(2): arguments, nesting, and a context the handler may change. */
#include "guest.h"
#include <ucontext.h>
static volatile int depth, deepest;
static void nested(int signo) {
    depth++;
    if (depth > deepest) deepest = depth;
    if (signo == SIGUSR1) raise(SIGUSR2);
    depth--;
}
static void skip(int signo, siginfo_t *info, void *context) {
    ucontext_t *uc = context;
    EXPECT(signo == SIGTRAP && info->si_code == TRAP_BRKPT);
    EXPECT((unsigned long)info->si_addr == uc->uc_mcontext.pc);
    uint32_t *record = (uint32_t *)uc->uc_mcontext.__reserved;
    EXPECT(record[0] == 0x46508001 && record[1] == 528);
    uc->uc_mcontext.pc += 4;
    uc->uc_mcontext.regs[0] = 1234;
}
int main(void) {
    signal(SIGUSR1, nested);
    signal(SIGUSR2, nested);
    raise(SIGUSR1);
    EXPECT(deepest == 2 && depth == 0);
    struct sigaction action = {.sa_sigaction = skip, .sa_flags = SA_SIGINFO};
    CHECK(sigaction(SIGTRAP, &action, 0));
    register long x0 __asm__("x0") = 1;
    register double kept __asm__("d9") = 2.5;
    __asm__ volatile("brk #0" : "+r"(x0), "+w"(kept));
    EXPECT(x0 == 1234 && kept == 2.5);
    return 0;
}
