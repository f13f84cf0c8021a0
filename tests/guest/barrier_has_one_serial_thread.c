/* elfuse: threads */
/* pthread_barrier_wait(3): nobody passes early, and exactly one thread of each round is told so. */
#include "guest.h"
#include <pthread.h>
static pthread_barrier_t barrier;
static int arrived, serial;
static void *work(void *unused) {
    for (int round = 1; round <= 20; round++) {
        __atomic_fetch_add(&arrived, 1, __ATOMIC_SEQ_CST);
        if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) __atomic_fetch_add(&serial, 1, __ATOMIC_SEQ_CST);
        EXPECT(__atomic_load_n(&arrived, __ATOMIC_SEQ_CST) >= 4 * round);
    }
    return unused;
}
int main(void) {
    pthread_t threads[4];
    pthread_barrier_init(&barrier, 0, 4);
    for (int i = 0; i < 4; i++) EXPECT(pthread_create(&threads[i], 0, work, 0) == 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], 0);
    EXPECT(arrived == 80 && serial == 20);
    return 0;
}
