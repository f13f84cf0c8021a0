/* elfuse: threads, flags=-O2 */
/* Loops without system calls are interrupted by signals at any instruction, and go on as if nothing was. */
#include "guest.h"
#include <pthread.h>

enum { SIGNALS = 300 };
static volatile sig_atomic_t received;
static int stop;

static void handler(int signo) {
    (void)signo;
    /* Everything that a handler may use without saving it. */
    __asm__ volatile("mov x0, 1\n mov x9, 2\n mov x17, 3\n movi v0.16b, 4\n movi v7.16b, 5\n movi v31.16b, 6\n cmp x0, x9"
                     ::: "x0", "x9", "x17", "v0", "v7", "v31", "cc");
    received++;
}
/* Integers, flags, vectors and memory, with relations between them that hold after each iteration. */
static void *loop(void *result) {
    uint64_t table[16] = {0}, rounds = 0;
    do {
        uint64_t sum = 0, other = 0, count = 20000, lanes[2];
        __asm__ volatile(
            "movi v0.2d, 0\n movi v31.2d, 0\n"
            "1: add %[sum], %[sum], %[count]\n"
            "adds %[other], %[other], %[count], lsl 1\n"
            "dup v1.2d, %[count]\n"
            "add v0.2d, v0.2d, v1.2d\n"
            "sub v31.2d, v31.2d, v1.2d\n"
            "and x9, %[count], 15\n"
            "ldr x10, [%[table], x9, lsl 3]\n"
            "add x10, x10, 1\n"
            "str x10, [%[table], x9, lsl 3]\n"
            "subs %[count], %[count], 1\n"
            "b.ne 1b\n"
            "add v0.2d, v0.2d, v31.2d\n"
            "str q0, [%[lanes]]\n"
            : [sum] "+&r"(sum), [other] "+&r"(other), [count] "+&r"(count)
            : [table] "r"(table), [lanes] "r"(lanes) : "x9", "x10", "v0", "v1", "v31", "memory", "cc");
        EXPECT(sum == 20000UL * 20001 / 2 && other == 2 * sum && lanes[0] == 0 && lanes[1] == 0);
        rounds++;
    } while (!__atomic_load_n(&stop, __ATOMIC_RELAXED));
    for (int i = 0; i < 16; i++) EXPECT(table[i] == rounds * (20000 / 16));
    *(uint64_t *)result = rounds;
    return 0;
}
int main(void) {
    on_signal(SIGUSR1, handler, 0);
    pthread_t thread;
    uint64_t rounds;
    EXPECT(pthread_create(&thread, 0, loop, &rounds) == 0);
    for (int sent = 0; sent < SIGNALS; sent++) {
        EXPECT(pthread_kill(thread, SIGUSR1) == 0);
        while (received <= sent) sched_yield();
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    EXPECT(pthread_join(thread, 0) == 0);
    EXPECT(received == SIGNALS && rounds > 0);
    return 0;
}
