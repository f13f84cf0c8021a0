/* elfuse: threads */
/* pthread_cancel(3): at a cancellation point, or at once when asynchronous; handlers run; it can be held off. */
#include "guest.h"
#include <pthread.h>
static int ends[2], cleaned;
static volatile int held;
static void cleanup(void *amount) { cleaned += (int)(long)amount; }
static void *reader(void *unused) {
    char byte;
    pthread_cleanup_push(cleanup, (void *)1);
    pthread_cleanup_push(cleanup, (void *)10);
    CHECK(read(ends[0], &byte, 1));
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return unused;
}
static void *spinner(void *unused) {
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, 0);
    pthread_cleanup_push(cleanup, (void *)100);
    held = 1;
    for (;;) __asm__ volatile("" ::: "memory");
    pthread_cleanup_pop(0);
    return unused;
}
static void *holder(void *unused) {
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, 0);
    held = 2;
    while (held != 3) usleep(1000);
    cleaned += 1000;
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, 0);
    pthread_testcancel();
    cleaned += 10000;
    return unused;
}
int main(void) {
    pthread_t thread;
    void *result;
    CHECK(pipe(ends));
    EXPECT(pthread_create(&thread, 0, reader, 0) == 0);
    nap(10);
    EXPECT(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
    EXPECT(cleaned == 11);
    EXPECT(pthread_create(&thread, 0, spinner, 0) == 0);
    while (held != 1) usleep(1000);
    pthread_cancel(thread);
    EXPECT(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED && cleaned == 111);
    EXPECT(pthread_create(&thread, 0, holder, 0) == 0);
    while (held != 2) usleep(1000);
    pthread_cancel(thread);
    held = 3;
    EXPECT(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED && cleaned == 1111);
    return 0;
}
