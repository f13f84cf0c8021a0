/* elf(5): without an executable PT_GNU_STACK, code on the stack, in the heap and in data faults. */
#include "fault.h"
/* For aarch64 only: ret */
static uint32_t data[4] __attribute__((aligned(16))) = {0xd65f03c0};
int main(void) {
    uint32_t volatile stack[4] = {0xd65f03c0};
    uint32_t *heap = malloc(16);
    *heap = stack[0];
    __builtin___clear_cache((char *)stack, (char *)(stack + 4));
    catch_faults();
    EXPECT_FAULT(((void (*)(void))stack)(), SIGSEGV, SEGV_ACCERR, stack);
    EXPECT_FAULT(((void (*)(void))heap)(), SIGSEGV, SEGV_ACCERR, heap);
    EXPECT_FAULT(((void (*)(void))data)(), SIGSEGV, SEGV_ACCERR, data);
    return 0;
}
