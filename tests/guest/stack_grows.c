/* mmap(2), getrlimit(2): the stack grows down on demand. */
#include "guest.h"
static int deep(int level) {
    volatile char frame[8192];
    frame[0] = (char)level;
    return level ? deep(level - 1) + frame[0] - (char)level : 0;
}
int main(void) {
    EXPECT(deep(400) == 0);
    return 0;
}
