/* Eight threads with names that meet, count in turn, and end. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>

enum { THREADS = 7 };
static pthread_barrier_t met;
volatile int counts[THREADS];

__attribute__((noinline)) void count(int number) {
    counts[number]++;
}

static void *run(void *argument) {
    int number = (int)(long)argument;
    char name[16];
    snprintf(name, sizeof name, "worker-%d", number);
    pthread_setname_np(pthread_self(), name);
    pthread_barrier_wait(&met);
    for (int i = 0; i < 100; i++)
        count(number);
    return NULL;
}

__attribute__((noinline)) void all_met(void) {
    __asm__ volatile("");
}

int main(void) {
    pthread_t threads[THREADS];
    pthread_barrier_init(&met, NULL, THREADS + 1);
    for (long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, run, (void *)i);
    all_met();
    pthread_barrier_wait(&met);
    int total = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        total += counts[i];
    }
    printf("total=%d\n", total);
    return 0;
}
