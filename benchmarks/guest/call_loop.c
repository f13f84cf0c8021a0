/* One system call in a loop: getpid, clock_gettime or read (a byte of the file argv[3]); argv[2] times. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    const char *name = argv[1];
    long count = atol(argv[2]);
    if (strcmp(name, "getpid") == 0) {
        for (long left = count; left > 0; left--)
            if (syscall(SYS_getpid) <= 0) return 1;
    } else if (strcmp(name, "clock_gettime") == 0) {
        struct timespec now, before = {0, 0};
        for (long left = count; left > 0; left--) {
            if (clock_gettime(CLOCK_MONOTONIC, &now) < 0) return 1;
            if (now.tv_sec < before.tv_sec) return 2;
            before = now;
        }
    } else if (argc > 3) {
        int fd = open(argv[3], O_RDONLY);
        char byte;
        for (long left = count; left > 0; left--) {
            ssize_t got = read(fd, &byte, 1);
            if (got < 0 || (got == 0 && lseek(fd, 0, SEEK_SET) != 0)) return 1;
        }
    }
    puts(name);
    return 0;
}
