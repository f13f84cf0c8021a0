/* elfuse: oracle=skip(qemu-user says ILL_ILLOPN) */
/* sigaction(2): SIGILL ILL_ILLOPC and SIGTRAP TRAP_BRKPT at the instruction. For aarch64 only. */
#include "fault.h"
extern char undefined_at[], breakpoint_at[];
__attribute__((noinline, noclone)) static void undefined(void) { __asm__ volatile(".globl undefined_at\nundefined_at: .inst 0"); }
__attribute__((noinline, noclone)) static void breakpoint(void) { __asm__ volatile(".globl breakpoint_at\nbreakpoint_at: brk #0"); }
int main(void) {
    catch_faults();
    EXPECT_FAULT(undefined(), SIGILL, ILL_ILLOPC, undefined_at);
    EXPECT_FAULT(breakpoint(), SIGTRAP, TRAP_BRKPT, breakpoint_at);
    pid_t pid = CHECK(fork());
    if (!pid) { signal(SIGILL, SIG_IGN); undefined(); _exit(0); }
    EXPECT(reap_signal(pid) == SIGILL);
    pid = CHECK(fork());
    if (!pid) {
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, 0);
        breakpoint();
        _exit(0);
    }
    EXPECT(reap_signal(pid) == SIGTRAP);
    return 0;
}
