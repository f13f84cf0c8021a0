/* Executes itself until its argument has counted down to zero. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int left = argc > 1 ? atoi(argv[1]) : 0;
    printf("left=%d\n", left);
    fflush(stdout);
    if (left == 0)
        return 0;
    char next[12];
    snprintf(next, sizeof next, "%d", left - 1);
    execl("/proc/self/exe", argv[0], next, NULL);
    return 1;
}
