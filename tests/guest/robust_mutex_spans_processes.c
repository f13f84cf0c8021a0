/* elfuse: threads, oracle=skip(qemu-user has no robust lists) */
/* pthread_mutexattr_setrobust(3): a process killed with the lock leaves it to a waiting process, EOWNERDEAD. */
#include "guest.h"
#include <pthread.h>
int main(void) {
    pthread_mutex_t *lock = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t attributes;
    int ends[2];
    char byte;
    CHECK(pipe(ends));
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    EXPECT(pthread_mutex_init(lock, &attributes) == 0);
    pid_t owner = CHECK(fork());
    if (!owner) { pthread_mutex_lock(lock); CHECK(write(ends[1], "l", 1)); for (;;) pause(); }
    CHECK(read(ends[0], &byte, 1));
    EXPECT(pthread_mutex_trylock(lock) == EBUSY);
    pid_t waiter = CHECK(fork());
    if (!waiter) {
        EXPECT(pthread_mutex_lock(lock) == EOWNERDEAD && pthread_mutex_consistent(lock) == 0);
        EXPECT(pthread_mutex_unlock(lock) == 0);
        _exit(0);
    }
    nap(10);
    CHECK(kill(owner, SIGKILL));
    EXPECT(reap_signal(owner) == SIGKILL && reap(waiter) == 0 && pthread_mutex_lock(lock) == 0);
    return 0;
}
