/* Sends itself signals, handles one of them, and prints how often. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

volatile int handled;

__attribute__((noinline)) void handler(int number) {
    handled++;
}

int main(void) {
    signal(SIGUSR1, handler);
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGUSR1);
    printf("handled=%d\n", handled);
    fflush(stdout);
    kill(getpid(), SIGTERM);
    puts("alive");
    return 0;
}
