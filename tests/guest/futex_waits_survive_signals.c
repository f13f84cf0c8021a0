/* elfuse: threads */
/* futex(2): waiters under a rain of signals lose no wake, and no signal waits for a wake. */
#include "guest.h"
#include <linux/futex.h>
#include <pthread.h>
enum { TURNS = 4000 };
static int turn;
static volatile int hits;
static void handler(int signo) { (void)signo; hits++; }
static long futex(int *word, int command, int value) {
    return syscall(SYS_futex, word, command | FUTEX_PRIVATE_FLAG, value, 0, 0, FUTEX_BITSET_MATCH_ANY);
}
static void *player(void *number) {
    int mine = (int)(long)number;
    for (int done = 0; done < TURNS; done++) {
        for (int now; (now = __atomic_load_n(&turn, __ATOMIC_ACQUIRE)) % 2 != mine;) {
            long result = futex(&turn, done % 2 ? FUTEX_WAIT : FUTEX_WAIT_BITSET, now);
            EXPECT(result == 0 || errno == EAGAIN || errno == EINTR);
        }
        __atomic_add_fetch(&turn, 1, __ATOMIC_RELEASE);
        CHECK(futex(&turn, FUTEX_WAKE, 1));
    }
    return 0;
}
static void *sleeper(void *word) {
    EXPECT(futex(word, FUTEX_WAIT, 0) == -1 && errno == EINTR);
    return 0;
}
int main(void) {
    pthread_t players[2], alone;
    on_signal(SIGUSR1, handler, 0);
    on_signal(SIGUSR2, handler, SA_RESTART);
    for (long i = 0; i < 2; i++) EXPECT(pthread_create(&players[i], 0, player, (void *)i) == 0);
    int64_t limit = now_ns() + 40000000000L;
    for (int i = 0; __atomic_load_n(&turn, __ATOMIC_ACQUIRE) < 2 * TURNS; i++) {
        EXPECT(now_ns() < limit);
        if (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) < 2 * TURNS - 10) pthread_kill(players[i % 2], i % 3 ? SIGUSR1 : SIGUSR2);
        nap(1);
    }
    for (int i = 0; i < 2; i++) EXPECT(pthread_join(players[i], 0) == 0);

    /* A thread that is about to wait, or does: what comes before the wait does not end it. */
    for (int i = 0; i < 200; i++) {
        int word = 0, result;
        EXPECT(pthread_create(&alone, 0, sleeper, &word) == 0);
        while ((result = pthread_tryjoin_np(alone, 0)) == EBUSY) {
            EXPECT(now_ns() < limit);
            pthread_kill(alone, SIGUSR1);
            for (volatile int spin = 0; spin < i * 370 % 10000; spin++) {}
        }
        EXPECT(result == 0);
    }
    return 0;
}
