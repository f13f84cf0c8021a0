/* A system call that does nothing, argv[1] times. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv) {
    (void)argc;
    for (long left = atol(argv[1]); left > 0; left--)
        if (syscall(SYS_getppid) < 0) return 1;
    return 0;
}
