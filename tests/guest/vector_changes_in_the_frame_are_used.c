/* elfuse: oracle=skip(qemu-user takes vectors from its SVE record only) */
/* sigreturn(2): vector registers, FPSR and FPCR that a handler writes into the frame. For aarch64 only. */
#include "guest.h"
#include <asm/sigcontext.h>
#include <ucontext.h>
static void handler(int signo, siginfo_t *info, void *argument) {
    (void)info;
    char *at = (char *)((ucontext_t *)argument)->uc_mcontext.__reserved;
    while (((struct _aarch64_ctx *)at)->magic != FPSIMD_MAGIC) {
        EXPECT(((struct _aarch64_ctx *)at)->size);
        at += ((struct _aarch64_ctx *)at)->size;
    }
    struct fpsimd_context *fp = (struct fpsimd_context *)at;
    EXPECT(signo == SIGILL && (uint64_t)fp->vregs[8] == 0x1111 && fp->fpsr == 0x8 && fp->fpcr == 0x400000);
    fp->vregs[8] = 0x3333;
    fp->vregs[31] = (__uint128_t)0x4444 << 64;
    fp->fpsr = 0x1;
    fp->fpcr = 0x800000;
    ((ucontext_t *)argument)->uc_mcontext.pc += 4;
}
int main(void) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    CHECK(sigaction(SIGILL, &action, 0));
    uint64_t low, high, status, control;
    __asm__ volatile(
        "mov x1, #0x1111\n fmov d8, x1\n mov x1, #8\n msr fpsr, x1\n mov x1, #0x400000\n msr fpcr, x1\n .inst 0\n"
        "fmov %0, d8\n mov %1, v31.d[1]\n mrs %2, fpsr\n mrs %3, fpcr\n msr fpcr, xzr\n"
        : "=&r"(low), "=&r"(high), "=&r"(status), "=&r"(control) : : "x1", "v8", "v31", "memory");
    EXPECT(low == 0x3333 && high == 0x4444 && status == 1 && control == 0x800000);
    return 0;
}
