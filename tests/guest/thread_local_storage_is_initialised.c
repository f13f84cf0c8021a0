/* elfuse: threads */
/* PT_TLS: initial values, zeroed rest and alignment in every thread; fork keeps the caller's. */
#include "guest.h"
#include <pthread.h>
static __thread int value = 41;
static __thread char zeroes[300];
static __thread struct { char text[70]; } aligned __attribute__((aligned(64))) = {"own"};
static void *check(void *unused) {
    EXPECT(value == 41 && zeroes[0] == 0 && zeroes[299] == 0 && errno == 0);
    EXPECT(((uintptr_t)&aligned & 63) == 0 && strcmp(aligned.text, "own") == 0);
    value++;
    zeroes[299] = 1;
    errno = 5;
    return unused;
}
int main(void) {
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) EXPECT(pthread_create(&threads[i], 0, check, 0) == 0);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], 0);
    check(0);
    pid_t pid = CHECK(fork());
    if (!pid) { EXPECT(value == 42 && zeroes[299] == 1); value = 7; _exit(0); }
    EXPECT(reap(pid) == 0 && value == 42);
    return 0;
}
