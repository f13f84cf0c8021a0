/* A loop with a variable to watch, recursion to unwind, and a result that depends on both. */
#include <stdio.h>

volatile int watched;
volatile char text[16] = "unchanged";

__attribute__((noinline)) int add(int a, int b) {
    return a + b;
}

__attribute__((noinline)) int descend(int depth) {
    if (depth == 0)
        return add(40, 2);
    return descend(depth - 1) + 1;
}

int main(void) {
    for (int i = 0; i < 5; i++)
        watched = watched + i;
    int deep = descend(3);
    printf("watched=%d deep=%d text=%s\n", watched, deep, (const char *)text);
    return 0;
}
