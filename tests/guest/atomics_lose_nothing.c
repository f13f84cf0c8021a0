/* elfuse: threads, flags=-O2 -mno-outline-atomics */
/* Load-exclusive and store-exclusive by four threads: no update is lost or doubled. */
#include "guest.h"
#include <pthread.h>
static unsigned counter, swaps;
static void *work(void *unused) {
    (void)unused;
    for (int i = 0; i < 50000; i++) {
        __atomic_fetch_add(&counter, 1, __ATOMIC_SEQ_CST);
        unsigned seen = __atomic_load_n(&swaps, __ATOMIC_RELAXED);
        while (!__atomic_compare_exchange_n(&swaps, &seen, seen + 3, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {}
    }
    return 0;
}
int main(void) {
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) EXPECT(pthread_create(&threads[i], 0, work, 0) == 0);
    for (int i = 0; i < 4; i++) EXPECT(pthread_join(threads[i], 0) == 0);
    EXPECT(counter == 200000 && swaps == 600000);
    return 0;
}
