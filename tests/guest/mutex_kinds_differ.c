/* elfuse: threads */
/* pthread_mutexattr_settype(3): recursive, error-checking, trylock, and a timed lock that times out. */
#include "guest.h"
#include <pthread.h>
static pthread_mutex_t recursive, checking;
static void *other(void *unused) {
    struct timespec soon;
    EXPECT(pthread_mutex_trylock(&recursive) == EBUSY && pthread_mutex_unlock(&checking) == EPERM);
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_nsec += 10000000;
    if (soon.tv_nsec >= 1000000000) { soon.tv_sec++; soon.tv_nsec -= 1000000000; }
    int64_t start = now_ns();
    EXPECT(pthread_mutex_timedlock(&recursive, &soon) == ETIMEDOUT && now_ns() - start >= 8000000);
    return unused;
}
int main(void) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&recursive, &attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&checking, &attributes);
    for (int i = 0; i < 3; i++) EXPECT(pthread_mutex_lock(&recursive) == 0);
    EXPECT(pthread_mutex_lock(&checking) == 0 && pthread_mutex_lock(&checking) == EDEADLK);
    pthread_t thread;
    EXPECT(pthread_create(&thread, 0, other, 0) == 0 && pthread_join(thread, 0) == 0);
    for (int i = 0; i < 3; i++) EXPECT(pthread_mutex_unlock(&recursive) == 0);
    EXPECT(pthread_mutex_unlock(&recursive) == EPERM && pthread_mutex_unlock(&checking) == 0);
    return 0;
}
