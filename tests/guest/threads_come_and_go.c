/* elfuse: threads */
/* pthread_create(3): sixty threads one after the other and eight at a time; numbers are unique while they live. */
#include "guest.h"
#include <pthread.h>
static void *number(void *unused) { (void)unused; return (void *)(long)gettid(); }
static pthread_barrier_t barrier;
static void *together(void *unused) {
    (void)unused;
    pthread_barrier_wait(&barrier);
    return (void *)(long)gettid();
}
int main(void) {
    pthread_t threads[8];
    void *result, *others[8];
    for (int i = 0; i < 60; i++) {
        EXPECT(pthread_create(&threads[0], 0, number, 0) == 0 && pthread_join(threads[0], &result) == 0);
        EXPECT((long)result > 0 && (long)result != getpid());
    }
    pthread_barrier_init(&barrier, 0, 8);
    for (int i = 0; i < 8; i++) EXPECT(pthread_create(&threads[i], 0, together, 0) == 0);
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], &others[i]);
        for (int j = 0; j < i; j++) EXPECT(others[i] != others[j]);
    }
    return 0;
}
