/* Cache maintenance: a function that many callers run often is rewritten; every caller gets the new one. For aarch64
   only. */
#include "fault.h"
enum { CALLERS = 4, TIMES = 5000, DISTANCE = 64 };
static void write_caller(uint32_t *at, uint32_t *function) {
    at[0] = 0xa9bf7bfd; /* stp x29, x30, [sp, #-16]! */
    at[1] = 0x94000000 | ((function - &at[1]) & 0x3ffffff);
    at[2] = 0x11000400; /* add w0, w0, #1 */
    at[3] = 0xa8c17bfd; /* ldp x29, x30, [sp], #16 */
    at[4] = 0xd65f03c0;
}
int main(void) {
    uint32_t *code = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(code != MAP_FAILED);
    uint32_t *function = code + DISTANCE * CALLERS;
    for (int i = 0; i < CALLERS; i++)
        write_caller(code + DISTANCE * i, function);
    for (unsigned number = 1; number < 6; number++) {
        function[0] = 0x52800000 | number << 5;
        function[1] = 0xd65f03c0;
        __builtin___clear_cache((char *)code, (char *)(code + 1024));
        for (int i = 0; i < CALLERS * TIMES; i++)
            EXPECT(((int (*)(void))(code + DISTANCE * (i % CALLERS)))() == (int)number + 1);
        /* Only what changed is told. */
        function[0] = 0x52800000 | (100 + number) << 5;
        __builtin___clear_cache((char *)function, (char *)(function + 1));
        for (int i = 0; i < CALLERS * TIMES; i++)
            EXPECT(((int (*)(void))(code + DISTANCE * (i % CALLERS)))() == 101 + (int)number);
    }
    return 0;
}
