/* elfuse: flags=-z execstack */
/* elf(5): an executable PT_GNU_STACK lets code on the stack run. */
#include "fault.h"
/* For aarch64 only: mov w0, #42; ret */
int main(void) {
    uint32_t volatile stack[4] = {0x52800540, 0xd65f03c0};
    __builtin___clear_cache((char *)stack, (char *)(stack + 4));
    EXPECT(((int (*)(void))stack)() == 42);
    return 0;
}
