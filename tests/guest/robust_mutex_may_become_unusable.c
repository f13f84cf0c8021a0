/* elfuse: threads, oracle=skip(qemu-user has no robust lists) */
/* pthread_mutex_consistent(3): unlocked without being made consistent, the mutex is ENOTRECOVERABLE. */
#include "guest.h"
#include <pthread.h>
static pthread_mutex_t locks[3];
static void *take_all(void *unused) {
    for (int i = 0; i < 3; i++) pthread_mutex_lock(&locks[i]);
    return unused;
}
int main(void) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    for (int i = 0; i < 3; i++) pthread_mutex_init(&locks[i], &attributes);
    pthread_t thread;
    EXPECT(pthread_create(&thread, 0, take_all, 0) == 0 && pthread_join(thread, 0) == 0);
    for (int i = 0; i < 3; i++) EXPECT(pthread_mutex_lock(&locks[i]) == EOWNERDEAD);
    EXPECT(pthread_mutex_unlock(&locks[1]) == 0 && pthread_mutex_lock(&locks[1]) == ENOTRECOVERABLE);
    EXPECT(pthread_mutex_consistent(&locks[0]) == 0 && pthread_mutex_unlock(&locks[0]) == 0 && pthread_mutex_lock(&locks[0]) == 0);
    return 0;
}
