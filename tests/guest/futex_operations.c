/* elfuse: threads */
/* futex(2): values, timeouts, bitsets, requeueing, wake-op. */
#include "guest.h"
#include <linux/futex.h>
#include <pthread.h>
static uint32_t first, second;
static long futex(uint32_t *word, int op, uint32_t value, void *timeout, uint32_t *other, uint32_t value3) {
    return syscall(SYS_futex, word, op, value, timeout, other, value3);
}
static void *waiter(void *bits) {
    while (futex(&first, FUTEX_WAIT_BITSET_PRIVATE, 0, 0, 0, (uint32_t)(uintptr_t)bits) == -1 && errno == EINTR) {}
    return 0;
}
static void wait_until_asleep(int count) {
    for (int i = 0; i < 1000; i++) {
        /* Moving waiters to the word they are on changes nothing and counts them. */
        if (futex(&first, FUTEX_CMP_REQUEUE_PRIVATE, 0, (void *)100, &first, 0) >= count) return;
        usleep(2000);
    }
    EXPECT(0);
}
int main(void) {
    struct timespec soon = {0, 5000000};
    EXPECT_ERRNO(futex(&first, FUTEX_WAIT_PRIVATE, 1, 0, 0, 0), EAGAIN);
    EXPECT_ERRNO(futex(&first, FUTEX_WAIT_PRIVATE, 0, &soon, 0, 0), ETIMEDOUT);
    EXPECT_ERRNO(futex((uint32_t *)((char *)&first + 1), FUTEX_WAIT_PRIVATE, 0, 0, 0, 0), EINVAL);
    EXPECT(futex(&first, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0) == 0);
    EXPECT_ERRNO(futex(&first, FUTEX_WAKE_BITSET_PRIVATE, 1, 0, 0, 0), EINVAL);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) pthread_create(&threads[i], 0, waiter, (void *)(uintptr_t)(1u << i));
    wait_until_asleep(3);
    EXPECT(futex(&first, FUTEX_WAKE_BITSET_PRIVATE, 9, 0, 0, 2) == 1);
    EXPECT(futex(&first, FUTEX_CMP_REQUEUE_PRIVATE, 0, (void *)1, &second, 0) == 1);
    EXPECT_ERRNO(futex(&first, FUTEX_CMP_REQUEUE_PRIVATE, 0, (void *)1, &second, 5), EAGAIN);
    EXPECT(futex(&second, FUTEX_WAKE_PRIVATE, 9, 0, 0, 0) == 1);
    second = 4;
    EXPECT(futex(&first, FUTEX_WAKE_OP_PRIVATE, 9, (void *)9, &second, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 4)) == 1);
    EXPECT(second == 7);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], 0);
    return 0;
}
