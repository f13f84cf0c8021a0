/* The same work by one thread and by four: prints the seconds of each, and a sum on a second line. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

enum { THREADS = 4, SIZE = 4096, ROUNDS = 40000 };

static void *work(void *argument)
{
    uint32_t table[SIZE], value = (uint32_t)(uintptr_t)argument, sum = 0;
    for (int i = 0; i < SIZE; i++)
        table[i] = value = value * 1103515245 + 12345;
    for (int round = 0; round < ROUNDS / THREADS; round++)
        for (int i = 0; i < SIZE; i++) {
            sum = (sum << 5 | sum >> 27) ^ table[(sum + i) % SIZE];
            table[i] += sum;
        }
    return (void *)(uintptr_t)sum;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

int main(void)
{
    uintptr_t alone = 0, together = 0;
    double begin = now();
    for (uintptr_t i = 0; i < THREADS; i++)
        alone += (uintptr_t)work((void *)i);
    double between = now();
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, (void *)i)) return 1;
    for (int i = 0; i < THREADS; i++) {
        void *sum;
        if (pthread_join(threads[i], &sum)) return 1;
        together += (uintptr_t)sum;
    }
    printf("%.6f %.6f\n%lx\n", between - begin, now() - between, (unsigned long)together);
    return alone != together;
}
