/* Prints a line, then counts without end, or with an argument sleeps in one system call. */
#include <stdio.h>
#include <unistd.h>

volatile unsigned long ticks;

int main(int argc, char **argv) {
    puts("ready");
    fflush(stdout);
    if (argc > 1)
        return sleep(1000) ? 1 : 0;
    for (;;)
        ticks++;
}
