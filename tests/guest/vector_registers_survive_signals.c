/* sigreturn(2): a handler that uses every vector register leaves the interrupted code's alone. For aarch64 only. */
#include "guest.h"
static volatile int hits;
static void handler(int signo) {
    (void)signo;
    hits++;
    __asm__ volatile("movi v0.16b, #1\n movi v1.16b, #2\n movi v15.16b, #3\n movi v31.16b, #4\n msr fpsr, %0" ::"r"(0x9fL)
                     : "v0", "v1", "v15", "v31");
}
int main(void) {
    on_signal(SIGALRM, handler, 0);
    interrupt_every(5);
    for (uint64_t i = 1; hits < 4; i++) {
        uint64_t a, b, c, d, status;
        __asm__ volatile(
            "fmov d0, %[i]\n fmov d1, %[i]\n fmov d15, %[i]\n dup v31.2d, %[i]\n msr fpsr, xzr\n mov x3, #2000\n"
            "1: subs x3, x3, #1\n b.ne 1b\n"
            "fmov %[a], d0\n fmov %[b], d1\n fmov %[c], d15\n mov %[d], v31.d[1]\n mrs %[status], fpsr\n"
            : [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d), [status] "=&r"(status)
            : [i] "r"(i) : "x3", "v0", "v1", "v15", "v31", "cc");
        EXPECT(a == i && b == i && c == i && d == i && (status & 0x9f) == 0);
    }
    interrupt_every(0);
    return 0;
}
