/* elfuse: threads, flags=-O2 -march=armv8.1-a */
/* Treiber's stack with LDXR and STXR, LDXP and STXP, CAS and CASP: every node is popped by one thread. */
#include "guest.h"
#include <pthread.h>

enum { THREADS = 4, NODES = 64, ROUNDS = 4000 };
/* Links are numbers of nodes, 0 for none. A head has a count too, so that it is never the same again. */
static uint32_t next[NODES + 1];
static int owners[NODES + 1];
static _Alignas(16) uint64_t head[2];

struct wide { uint64_t low, high; };
typedef int swap(struct wide old, struct wide new);

static int swap_exclusive(struct wide old, struct wide new) {
    uint64_t wanted = old.high << 32 | old.low, value = new.high << 32 | new.low, seen;
    uint32_t failed;
    __asm__ volatile("ldaxr %0, [%2]\n cmp %0, %3\n b.ne 1f\n stlxr %w1, %4, [%2]\n b 2f\n1: clrex\n mov %w1, 1\n2:"
                     : "=&r"(seen), "=&r"(failed) : "r"(head), "r"(wanted), "r"(value) : "memory", "cc");
    return !failed;
}
static int swap_exclusive_pair(struct wide old, struct wide new) {
    uint64_t low, high;
    uint32_t failed;
    __asm__ volatile("ldaxp %0, %1, [%3]\n cmp %0, %4\n ccmp %1, %5, 0, eq\n b.ne 1f\n stlxp %w2, %6, %7, [%3]\n b 2f\n"
                     "1: clrex\n mov %w2, 1\n2:"
                     : "=&r"(low), "=&r"(high), "=&r"(failed)
                     : "r"(head), "r"(old.low), "r"(old.high), "r"(new.low), "r"(new.high) : "memory", "cc");
    return !failed;
}
static int swap_cas(struct wide old, struct wide new) {
    uint64_t wanted = old.high << 32 | old.low, value = new.high << 32 | new.low, seen = wanted;
    __asm__ volatile("casal %0, %1, [%2]" : "+r"(seen) : "r"(value), "r"(head) : "memory");
    return seen == wanted;
}
static int swap_casp(struct wide old, struct wide new) {
    register uint64_t seen_low __asm__("x0") = old.low, seen_high __asm__("x1") = old.high;
    register uint64_t low __asm__("x2") = new.low, high __asm__("x3") = new.high;
    __asm__ volatile("caspal x0, x1, x2, x3, [%4]"
                     : "+r"(seen_low), "+r"(seen_high) : "r"(low), "r"(high), "r"(head) : "memory");
    return seen_low == old.low && seen_high == old.high;
}

static const struct kind { swap *swap; int wide; } kinds[] = {
    {swap_exclusive, 0}, {swap_exclusive_pair, 1}, {swap_cas, 0}, {swap_casp, 1},
};
static const struct kind *kind;

static struct wide look(void) {
    if (!kind->wide) {
        uint64_t both = __atomic_load_n(&head[0], __ATOMIC_ACQUIRE);
        return (struct wide){both & UINT32_MAX, both >> 32};
    }
    /* Halves of two moments fail to be swapped. */
    uint64_t low = __atomic_load_n(&head[0], __ATOMIC_ACQUIRE);
    return (struct wide){low, __atomic_load_n(&head[1], __ATOMIC_ACQUIRE)};
}
static void push(uint32_t node) {
    for (;;) {
        struct wide old = look();
        __atomic_store_n(&next[node], (uint32_t)old.low, __ATOMIC_RELAXED);
        if (kind->swap(old, (struct wide){node, (uint32_t)(old.high + 1)})) return;
    }
}
static uint32_t pop(void) {
    for (;;) {
        struct wide old = look();
        if (!old.low) return 0;
        uint32_t rest = __atomic_load_n(&next[old.low], __ATOMIC_RELAXED);
        if (kind->swap(old, (struct wide){rest, (uint32_t)(old.high + 1)})) return (uint32_t)old.low;
    }
}
static void *work(void *argument) {
    int self = 1 + (int)(intptr_t)argument;
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t nodes[3];
        int count = 1 + round % 3;
        for (int i = 0; i < count; i++)
            if ((nodes[i] = pop())) EXPECT(__atomic_exchange_n(&owners[nodes[i]], self, __ATOMIC_RELAXED) == 0);
        for (int i = 0; i < count; i++)
            if (nodes[i]) {
                EXPECT(__atomic_exchange_n(&owners[nodes[i]], 0, __ATOMIC_RELAXED) == self);
                push(nodes[i]);
            }
    }
    return 0;
}
int main(void) {
    for (unsigned k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        kind = &kinds[k];
        head[0] = head[1] = 0;
        for (uint32_t node = 1; node <= NODES; node++) push(node);
        pthread_t threads[THREADS];
        for (intptr_t i = 0; i < THREADS; i++) EXPECT(pthread_create(&threads[i], 0, work, (void *)i) == 0);
        for (int i = 0; i < THREADS; i++) EXPECT(pthread_join(threads[i], 0) == 0);
        int left = 0;
        while (pop()) left++;
        EXPECT(left == NODES);
    }
    return 0;
}
