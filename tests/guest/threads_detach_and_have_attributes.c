/* elfuse: threads */
/* pthread_create(3), pthread_attr_init(3): detached threads, stack size and place, exit values, cancelled ones. */
#include "guest.h"
#include <pthread.h>
#include <semaphore.h>
static sem_t done;
static void *finish(void *unused) { sem_post(&done); return unused; }
static void *leave(void *value) { pthread_exit((char *)value + 1); }
static void *on_own_stack(void *stack) {
    char local;
    EXPECT(&local > (char *)stack && &local < (char *)stack + 131072);
    return 0;
}
int main(void) {
    pthread_t thread;
    pthread_attr_t attributes;
    void *result;
    sem_init(&done, 0, 0);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 65536 * 2);
    EXPECT(pthread_create(&thread, &attributes, finish, 0) == 0);
    EXPECT(pthread_create(&thread, 0, finish, 0) == 0 && pthread_detach(thread) == 0);
    sem_wait(&done);
    sem_wait(&done);
    EXPECT(pthread_create(&thread, 0, leave, (void *)40) == 0);
    EXPECT(pthread_join(thread, &result) == 0 && result == (void *)41);
    char *stack = mmap(0, 131072, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_attr_init(&attributes);
    EXPECT(pthread_attr_setstack(&attributes, stack, 131072) == 0);
    EXPECT(pthread_create(&thread, &attributes, on_own_stack, stack) == 0 && pthread_join(thread, 0) == 0);
    EXPECT(pthread_join(pthread_self(), 0) == EDEADLK);
    return 0;
}
