/* elfuse: threads */
/* pthread_key_create(3), pthread_once(3): values of each thread, destructors at its end. */
#include "guest.h"
#include <sched.h>
#include <pthread.h>
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int destroyed, initialised;
static void destroy(void *value) { __atomic_fetch_add(&destroyed, (int)(long)value, __ATOMIC_SEQ_CST); }
static void initialise(void) { initialised++; EXPECT(pthread_key_create(&key, destroy) == 0); }
static void *work(void *value) {
    pthread_once(&once, initialise);
    EXPECT(pthread_getspecific(key) == 0 && pthread_setspecific(key, value) == 0);
    sched_yield();
    EXPECT(pthread_getspecific(key) == value);
    return 0;
}
int main(void) {
    pthread_t threads[4];
    for (long i = 0; i < 4; i++) EXPECT(pthread_create(&threads[i], 0, work, (void *)(1 + i)) == 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], 0);
    EXPECT(initialised == 1 && destroyed == 10);
    return 0;
}
