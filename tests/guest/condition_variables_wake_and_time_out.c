/* elfuse: threads */
/* pthread_cond_wait(3): signal, broadcast, and timeouts on both clocks. */
#include "guest.h"
#include <pthread.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ready = PTHREAD_COND_INITIALIZER, waiting = PTHREAD_COND_INITIALIZER;
static int sleeping, tokens, taken;
static void *consumer(void *unused) {
    pthread_mutex_lock(&lock);
    for (int i = 0; i < 10; i++) {
        sleeping++;
        pthread_cond_signal(&waiting);
        while (!tokens) pthread_cond_wait(&ready, &lock);
        sleeping--;
        tokens--;
        taken++;
    }
    pthread_mutex_unlock(&lock);
    return unused;
}
int main(void) {
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) EXPECT(pthread_create(&threads[i], 0, consumer, 0) == 0);
    pthread_mutex_lock(&lock);
    while (sleeping < 4) pthread_cond_wait(&waiting, &lock);
    tokens = 4;
    pthread_cond_broadcast(&ready);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < 36; i++) {
        pthread_mutex_lock(&lock);
        tokens++;
        pthread_cond_signal(&ready);
        pthread_mutex_unlock(&lock);
    }
    for (int i = 0; i < 4; i++) pthread_join(threads[i], 0);
    EXPECT(taken == 40 && tokens == 0);
    static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC};
    for (int i = 0; i < 2; i++) {
        pthread_cond_t never;
        pthread_condattr_t attributes;
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, clocks[i]);
        pthread_cond_init(&never, &attributes);
        struct timespec until;
        clock_gettime(clocks[i], &until);
        until.tv_nsec += 20000000;
        if (until.tv_nsec >= 1000000000) { until.tv_sec++; until.tv_nsec -= 1000000000; }
        int64_t start = now_ns();
        pthread_mutex_lock(&lock);
        EXPECT(pthread_cond_timedwait(&never, &lock, &until) == ETIMEDOUT && now_ns() - start >= 15000000);
        pthread_mutex_unlock(&lock);
    }
    return 0;
}
