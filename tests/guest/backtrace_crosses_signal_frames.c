/* elfuse: flags=-funwind-tables -fno-omit-frame-pointer */
/* _Unwind_Backtrace from a handler passes the signal frame and reaches the interrupted function and main. */
#include "guest.h"
#include <unwind.h>
static int crossed, found_victim, found_main, frames;
static void *after_kill;
int main(void);
static void victim(void);
static _Unwind_Reason_Code step(struct _Unwind_Context *context, void *unused) {
    (void)unused;
    int before = 0;
    uintptr_t pc = _Unwind_GetIPInfo(context, &before);
    void *function = _Unwind_FindEnclosingFunction((void *)pc);
    crossed += before;
    found_victim += function == (void *)victim;
    found_main += function == (void *)main;
    return ++frames > 50 ? _URC_END_OF_STACK : _URC_NO_REASON;
}
static void handler(int signo) {
    (void)signo;
    _Unwind_Backtrace(step, 0);
}
__attribute__((noinline)) static void victim(void) {
    *(volatile char *)nowhere() = 1;
    after_kill = __builtin_return_address(0);
}
static void leave(int signo) {
    handler(signo);
    _exit(crossed == 1 && found_victim == 1 && found_main == 1 ? 0 : 1);
}
int main(void) {
    signal(SIGSEGV, leave);
    victim();
    return after_kill == 0;
}
