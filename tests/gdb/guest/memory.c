/* Memory with all kinds of protection, and accesses of all kinds to it. */
#include <stdio.h>
#include <sys/mman.h>

const volatile int constant = 11;
volatile char *closed;
volatile int cells[64];

__attribute__((noinline)) void ready(void) {
    __asm__ volatile("");
}

int main(void) {
    closed = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ready();
    cells[1] = 1;
    cells[2] = cells[1] + 1;
    cells[3] += cells[2];
    char first = 0;
    if (!mprotect((void *)closed, 4096, PROT_READ))
        first = closed[0];
    printf("constant=%d closed=%d cells=%d %d %d\n", constant, first, cells[1], cells[2], cells[3]);
    return 0;
}
