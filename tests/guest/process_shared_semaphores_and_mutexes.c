/* elfuse: threads */
/* sem_init(3), pthread_mutexattr_setpshared(3): exclusion and counting between processes. */
#include "guest.h"
#include <pthread.h>
#include <semaphore.h>
static struct shared { pthread_mutex_t lock; pthread_cond_t changed; sem_t free, full; int total, turn; } *shared;
int main(void) {
    shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t mutex_attributes;
    pthread_condattr_t condition_attributes;
    pthread_mutexattr_init(&mutex_attributes);
    pthread_mutexattr_setpshared(&mutex_attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&shared->lock, &mutex_attributes);
    pthread_condattr_init(&condition_attributes);
    pthread_condattr_setpshared(&condition_attributes, PTHREAD_PROCESS_SHARED);
    pthread_cond_init(&shared->changed, &condition_attributes);
    sem_init(&shared->free, 1, 3);
    sem_init(&shared->full, 1, 0);
    pid_t pids[3];
    for (int i = 0; i < 3; i++)
        if (!(pids[i] = CHECK(fork()))) {
            for (int j = 0; j < 20; j++) {
                CHECK(sem_wait(&shared->free));
                pthread_mutex_lock(&shared->lock);
                shared->total++;
                pthread_mutex_unlock(&shared->lock);
                CHECK(sem_post(&shared->full));
            }
            pthread_mutex_lock(&shared->lock);
            while (shared->turn != i) pthread_cond_wait(&shared->changed, &shared->lock);
            shared->turn++;
            pthread_cond_broadcast(&shared->changed);
            pthread_mutex_unlock(&shared->lock);
            _exit(0);
        }
    for (int i = 0; i < 60; i++) { CHECK(sem_wait(&shared->full)); CHECK(sem_post(&shared->free)); }
    for (int i = 0; i < 3; i++) EXPECT(reap(pids[i]) == 0);
    int value;
    EXPECT(shared->total == 60 && shared->turn == 3 && sem_getvalue(&shared->free, &value) == 0 && value == 3);
    EXPECT_ERRNO(sem_trywait(&shared->full), EAGAIN);
    return 0;
}
