/* elfuse: threads */
/* pthread_rwlock_rdlock(3): many readers or one writer. */
#include "guest.h"
#include <sched.h>
#include <pthread.h>
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t inside;
static int value;
static void *reader(void *unused) {
    EXPECT(pthread_rwlock_rdlock(&lock) == 0);
    pthread_barrier_wait(&inside);
    EXPECT(value == 0);
    pthread_barrier_wait(&inside);
    pthread_rwlock_unlock(&lock);
    return unused;
}
static void *writer(void *unused) {
    for (int i = 0; i < 200; i++) {
        pthread_rwlock_wrlock(&lock);
        int seen = value;
        if (i % 50 == 0) sched_yield();
        value = seen + 1;
        pthread_rwlock_unlock(&lock);
    }
    return unused;
}
int main(void) {
    pthread_t threads[3];
    pthread_barrier_init(&inside, 0, 4);
    for (int i = 0; i < 3; i++) EXPECT(pthread_create(&threads[i], 0, reader, 0) == 0);
    int serial = pthread_barrier_wait(&inside);
    EXPECT(serial == 0 || serial == PTHREAD_BARRIER_SERIAL_THREAD);
    EXPECT(pthread_rwlock_trywrlock(&lock) == EBUSY && pthread_rwlock_tryrdlock(&lock) == 0);
    pthread_rwlock_unlock(&lock);
    pthread_barrier_wait(&inside);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], 0);
    for (int i = 0; i < 3; i++) EXPECT(pthread_create(&threads[i], 0, writer, 0) == 0);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], 0);
    EXPECT(value == 600 && pthread_rwlock_trywrlock(&lock) == 0);
    return 0;
}
