/* elfuse: threads */
/* threads.h, stdatomic.h: the C11 interface on four threads. */
#include "guest.h"
#include <stdatomic.h>
#include <threads.h>
static atomic_int counter;
static atomic_flag flag = ATOMIC_FLAG_INIT;
static mtx_t lock;
static int plain, guarded;
static int work(void *amount) {
    for (int i = 0; i < 2000; i++) {
        atomic_fetch_add_explicit(&counter, (int)(long)amount, memory_order_relaxed);
        while (atomic_flag_test_and_set_explicit(&flag, memory_order_acquire)) thrd_yield();
        plain++;
        atomic_flag_clear_explicit(&flag, memory_order_release);
        mtx_lock(&lock);
        guarded++;
        mtx_unlock(&lock);
    }
    return 7;
}
int main(void) {
    thrd_t threads[4];
    int result;
    EXPECT(mtx_init(&lock, mtx_plain) == thrd_success);
    for (long i = 0; i < 4; i++) EXPECT(thrd_create(&threads[i], work, (void *)(i + 1)) == thrd_success);
    for (int i = 0; i < 4; i++) EXPECT(thrd_join(threads[i], &result) == thrd_success && result == 7);
    EXPECT(counter == 20000 && plain == 8000 && guarded == 8000);
    return 0;
}
