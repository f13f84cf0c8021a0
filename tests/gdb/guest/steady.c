/* Two threads and a timer that go on, checking themselves, until a byte comes on standard input. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

volatile unsigned char data[4096];
volatile int wrong;
atomic_int stop, alarms;

__attribute__((noinline)) unsigned sum(void) {
    unsigned found = 0;
    for (unsigned i = 0; i < sizeof data; i++)
        found = found * 31 + data[i];
    return found;
}

static void *check(void *argument) {
    unsigned right = sum();
    while (!stop) {
        wrong += sum() != right;
        wrong += getppid() <= 0;
        for (unsigned i = 0; i < sizeof data; i++)
            data[i] = data[i] ^ 1;
        for (unsigned i = 0; i < sizeof data; i++)
            data[i] = data[i] ^ 1;
    }
    return NULL;
}

static void count(int number) {
    alarms++;
}

int main(void) {
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = i * 7;
    struct sigaction action = {.sa_handler = count, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    struct itimerval every = {{0, 50000}, {0, 50000}};
    setitimer(ITIMER_REAL, &every, NULL);
    pthread_t thread;
    pthread_create(&thread, NULL, check, NULL);
    puts("ready");
    fflush(stdout);
    char byte;
    while (read(0, &byte, 1) != 1)
        ;
    stop = 1;
    pthread_join(thread, NULL);
    printf("wrong=%d\n", wrong);
    return 0;
}
