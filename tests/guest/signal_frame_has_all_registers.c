/* sigaction(2), ucontext: general and vector registers are in the frame, and what the handler writes there is used.
   For aarch64 only. */
#include "guest.h"
#include <asm/sigcontext.h>
#include <ucontext.h>
static struct fpsimd_context *vectors(ucontext_t *context) {
    char *at = (char *)context->uc_mcontext.__reserved;
    for (;;) {
        struct _aarch64_ctx *head = (struct _aarch64_ctx *)at;
        EXPECT(head->magic != 0 && head->size >= 8 && head->size % 16 == 0);
        if (head->magic == FPSIMD_MAGIC) return (struct fpsimd_context *)at;
        at += head->size;
    }
}
static void handler(int signo, siginfo_t *info, void *argument) {
    ucontext_t *context = argument;
    mcontext_t *machine = &context->uc_mcontext;
    EXPECT(signo == SIGILL && info->si_signo == SIGILL && info->si_addr == (void *)machine->pc);
    for (int i = 9; i < 16; i++) EXPECT(machine->regs[i] == 0x100u + i);
    EXPECT((machine->sp & 15) == 0 && (uintptr_t)argument < machine->sp && machine->sp - (uintptr_t)argument < 8192);
    EXPECT(((uintptr_t)argument & 15) == 0 && *(uint32_t *)machine->pc == 0);
    EXPECT((machine->pstate & 0xf0000000) == 0x60000000);
    struct fpsimd_context *fp = vectors(context);
    EXPECT(fp->head.size == sizeof *fp && (uint64_t)fp->vregs[8] == 0x1111 && (uint64_t)(fp->vregs[17] >> 64) == 0x2222);
    machine->regs[9] = 77;
    machine->regs[0] = 42;
    machine->pstate = 0x80000000;
    machine->pc += 4;
}
int main(void) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    CHECK(sigaction(SIGILL, &action, 0));
    register long x0 __asm__("x0") = 1;
    register long x9 __asm__("x9") = 0x109;
    uint64_t low, flags;
    __asm__ volatile(
        "mov x10, #0x10a\n mov x11, #0x10b\n mov x12, #0x10c\n mov x13, #0x10d\n mov x14, #0x10e\n mov x15, #0x10f\n"
        "mov x1, #0x1111\n fmov d8, x1\n mov x1, #0x2222\n movi v17.16b, #0\n mov v17.d[1], x1\n"
        "cmp xzr, xzr\n .inst 0\n"
        "mrs %[flags], nzcv\n fmov %[low], d8\n"
        : "+r"(x0), "+r"(x9), [low] "=&r"(low), [flags] "=&r"(flags)
        : : "x1", "x10", "x11", "x12", "x13", "x14", "x15", "v8", "v17", "cc", "memory");
    EXPECT(x0 == 42 && x9 == 77 && low == 0x1111 && flags == 0x80000000);
    return 0;
}
