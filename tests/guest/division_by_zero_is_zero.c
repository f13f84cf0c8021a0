/* Armv8: integer division by zero gives 0, the most negative number divided by -1 itself; no SIGFPE. For aarch64 only. */
#include "guest.h"
#define DIVIDE(op, w, a, b) ({ uint64_t r_; __asm__(op " %" w "0, %" w "1, %" w "2" : "=r"(r_) : "r"((uint64_t)(a)), "r"((uint64_t)(b))); r_; })
int main(void) {
    EXPECT(DIVIDE("sdiv", "x", 7, 0) == 0 && DIVIDE("udiv", "x", -1L, 0) == 0);
    EXPECT(DIVIDE("sdiv", "w", 7, 0) == 0 && DIVIDE("udiv", "w", 7, 1UL << 32) == 0);
    EXPECT(DIVIDE("sdiv", "x", INT64_MIN, -1L) == (uint64_t)INT64_MIN);
    EXPECT(DIVIDE("sdiv", "w", 0x80000000, 0xffffffff) == 0x80000000);
    EXPECT((int64_t)DIVIDE("sdiv", "x", -7L, 2) == -3 && DIVIDE("udiv", "x", -7L, 2) == 0x7ffffffffffffffc);
    return 0;
}
