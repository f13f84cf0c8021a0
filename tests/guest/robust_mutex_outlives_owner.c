/* elfuse: threads, oracle=skip(qemu-user has no robust lists) */
/* get_robust_list(2): the next locker of a dead thread's robust mutex gets EOWNERDEAD. */
#include "guest.h"
#include <pthread.h>
static pthread_mutex_t lock;
static void *take(void *unused) { pthread_mutex_lock(&lock); return unused; }
int main(void) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&lock, &attributes);
    pthread_t thread;
    pthread_create(&thread, 0, take, 0);
    pthread_join(thread, 0);
    EXPECT(pthread_mutex_lock(&lock) == EOWNERDEAD);
    EXPECT(pthread_mutex_consistent(&lock) == 0);
    EXPECT(pthread_mutex_unlock(&lock) == 0);
    return 0;
}
