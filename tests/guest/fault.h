/* Faults of the program itself: what signal an access raises, and what the handler is told. */
#ifndef FAULT_H
#define FAULT_H
#include "guest.h"
#include <setjmp.h>

static sigjmp_buf fault_return;
static siginfo_t fault_info;
static inline void fault_handler(int signo, siginfo_t *info, void *context) {
    (void)context;
    fault_info = *info;
    siglongjmp(fault_return, signo);
}
static inline void catch_faults(void) {
    struct sigaction action = {.sa_sigaction = fault_handler, .sa_flags = SA_SIGINFO};
    CHECK(sigaction(SIGSEGV, &action, 0));
    CHECK(sigaction(SIGBUS, &action, 0));
    CHECK(sigaction(SIGILL, &action, 0));
    CHECK(sigaction(SIGTRAP, &action, 0));
}
/* The signal that evaluating the expression raises, or 0. */
#define FAULT(expression) \
    __extension__({ int f_ = sigsetjmp(fault_return, 1); if (!f_) { (void)(expression); } f_; })
#define LOAD(address) (*(volatile char *)(address))
#define STORE(address) (*(volatile char *)(address) = 1)
/* The access raises `signo` with this code, for exactly this address. */
#define EXPECT_FAULT(expression, signo, code, address) \
    do { \
        int g_ = FAULT(expression); \
        expect_(g_ == (signo) && fault_info.si_code == (code) && fault_info.si_addr == (void *)(address), \
                #expression " raises " #signo " " #code " at " #address, __FILE__, __LINE__); \
    } while (0)
#endif
