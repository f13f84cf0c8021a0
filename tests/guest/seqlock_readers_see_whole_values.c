/* elfuse: threads, flags=-O2 */
/* A sequence lock with DMB: two readers never see a half-written value, and see it change. */
#include "guest.h"
#include <pthread.h>

enum { WORDS = 8, WRITES = 20000 };
static uint64_t sequence, data[WORDS];
static int done;

static void *reader(void *result) {
    uint64_t last = 0, changes = 0;
    while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE)) {
        uint64_t before = __atomic_load_n(&sequence, __ATOMIC_ACQUIRE), copy[WORDS];
        if (before & 1) { sched_yield(); continue; }
        for (int i = 0; i < WORDS; i++) copy[i] = __atomic_load_n(&data[i], __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (__atomic_load_n(&sequence, __ATOMIC_RELAXED) != before) continue;
        for (int i = 1; i < WORDS; i++) EXPECT(copy[i] == copy[0] * (i + 1));
        EXPECT(copy[0] >= last && copy[0] == before / 2);
        changes += copy[0] != last;
        last = copy[0];
    }
    *(uint64_t *)result = changes;
    return 0;
}
int main(void) {
    pthread_t readers[2];
    uint64_t changes[2];
    for (int i = 0; i < 2; i++) EXPECT(pthread_create(&readers[i], 0, reader, &changes[i]) == 0);
    for (uint64_t n = 1; n <= WRITES; n++) {
        __atomic_store_n(&sequence, 2 * n - 1, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_RELEASE);
        for (int i = 0; i < WORDS; i++) __atomic_store_n(&data[i], n * (i + 1), __ATOMIC_RELAXED);
        __atomic_store_n(&sequence, 2 * n, __ATOMIC_RELEASE);
        if (n % 256 == 0) sched_yield();
    }
    __atomic_store_n(&done, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < 2; i++) EXPECT(pthread_join(readers[i], 0) == 0);
    EXPECT(sequence == 2 * WRITES);
    return 0;
}
