/* elfuse: threads */
/* pthreads(7): four threads, a mutex, a condition variable, thread-local storage. */
#include "guest.h"
#include <pthread.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn = PTHREAD_COND_INITIALIZER;
static int counter, next;
static __thread int own;
static void *work(void *number) {
    own = (int)(intptr_t)number;
    for (int i = 0; i < 500; i++) {
        pthread_mutex_lock(&lock);
        counter++;
        pthread_mutex_unlock(&lock);
    }
    pthread_mutex_lock(&lock);
    while (next != own) pthread_cond_wait(&turn, &lock);
    next++;
    pthread_cond_broadcast(&turn);
    pthread_mutex_unlock(&lock);
    return (void *)(intptr_t)own;
}
int main(void) {
    pthread_t threads[4];
    for (intptr_t i = 0; i < 4; i++) EXPECT(pthread_create(&threads[i], 0, work, (void *)i) == 0);
    for (intptr_t i = 0; i < 4; i++) {
        void *result;
        EXPECT(pthread_join(threads[i], &result) == 0 && (intptr_t)result == i);
    }
    EXPECT(counter == 2000 && next == 4 && own == 0);
    return 0;
}
