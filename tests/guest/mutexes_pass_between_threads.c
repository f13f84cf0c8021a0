/* elfuse: threads */
/* Ping-pong by mutex and condition, by futex, and by spinning: every turn is taken once, in order. */
#include "guest.h"
#include <linux/futex.h>
#include <pthread.h>

enum { TURNS = 2000 };
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
/* Who waits for a futex is woken by those only who wake it: not by the turns before. */
static pthread_barrier_t between;
static unsigned turn;
static char order[3 * TURNS];

static void by_mutex(unsigned self) {
    for (unsigned n = self; n < TURNS; n += 2) {
        pthread_mutex_lock(&mutex);
        while (turn != n) pthread_cond_wait(&changed, &mutex);
        order[turn++] = (char)self;
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&mutex);
    }
}
static void by_futex(unsigned self) {
    for (unsigned n = TURNS + self; n < 2 * TURNS; n += 2) {
        for (unsigned now; (now = __atomic_load_n(&turn, __ATOMIC_ACQUIRE)) != n;)
            syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, now, 0, 0, 0);
        order[n] = (char)self;
        __atomic_store_n(&turn, n + 1, __ATOMIC_RELEASE);
        syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
    }
}
static void by_spinning(unsigned self) {
    for (unsigned n = 2 * TURNS + self; n < 3 * TURNS; n += 2) {
        for (int spins = 0; __atomic_load_n(&turn, __ATOMIC_ACQUIRE) != n; spins++)
            if (spins > 200) sched_yield();
        order[n] = (char)self;
        __atomic_store_n(&turn, n + 1, __ATOMIC_RELEASE);
    }
}
static void *play(void *argument) {
    unsigned self = argument != 0;
    by_mutex(self);
    pthread_barrier_wait(&between);
    by_futex(self);
    by_spinning(self);
    return 0;
}
int main(void) {
    pthread_t other;
    EXPECT(pthread_barrier_init(&between, 0, 2) == 0);
    EXPECT(pthread_create(&other, 0, play, order) == 0);
    play(0);
    EXPECT(pthread_join(other, 0) == 0);
    EXPECT(turn == 3 * TURNS);
    for (int n = 0; n < 3 * TURNS; n++) EXPECT(order[n] == n % 2);
    return 0;
}
