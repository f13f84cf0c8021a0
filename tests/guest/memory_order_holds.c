/* elfuse: threads, flags=-O2 -march=armv8.1-a+rcpc */
/* Litmus tests (Arm ARM, B2.3): outcomes that barriers, acquire and release forbid are never seen. */
#include "guest.h"
#include <pthread.h>
#include <stdatomic.h>

enum { COUNT = 500, ROUNDS = 12 };
/* An instance of a test: two locations, in lines of their own, and what the two threads read. */
struct instance {
    _Alignas(64) uint64_t x;
    _Alignas(64) uint64_t y;
    _Alignas(64) uint64_t read[2][2];
};
static struct instance instances[COUNT];
typedef void side(struct instance *);

#define ASM(text) \
    uint64_t a = 9, b = 9, one = 1; \
    __asm__ volatile(text : [a] "+&r"(a), [b] "+&r"(b) : [x] "r"(&i->x), [y] "r"(&i->y), [one] "r"(one) : "memory")
#define SIDE(name, number, text) \
    static void name(struct instance *i) { ASM(text); i->read[number][0] = a; i->read[number][1] = b; }

SIDE(mp_dmb_0, 0, "str %[one], [%[x]]; dmb ish; str %[one], [%[y]]")
SIDE(mp_dmb_1, 1, "ldr %[a], [%[y]]; dmb ish; ldr %[b], [%[x]]")
SIDE(mp_half_0, 0, "str %[one], [%[x]]; dmb ishst; str %[one], [%[y]]")
SIDE(mp_half_1, 1, "ldr %[a], [%[y]]; dmb ishld; ldr %[b], [%[x]]")
SIDE(mp_release_0, 0, "str %[one], [%[x]]; stlr %[one], [%[y]]")
SIDE(mp_acquire_1, 1, "ldar %[a], [%[y]]; ldr %[b], [%[x]]")
SIDE(mp_acquire_pc_1, 1, ".arch_extension rcpc\nldapr %[a], [%[y]]; ldr %[b], [%[x]]")
SIDE(mp_swap_0, 0, "str %[one], [%[x]]; swpl %[one], %[a], [%[y]]")
SIDE(mp_add_1, 1, "ldadda xzr, %[a], [%[y]]; ldr %[b], [%[x]]")
SIDE(sb_dmb_0, 0, "str %[one], [%[x]]; dmb ish; ldr %[a], [%[y]]")
SIDE(sb_dmb_1, 1, "str %[one], [%[y]]; dmb ish; ldr %[a], [%[x]]")
SIDE(sb_order_0, 0, "stlr %[one], [%[x]]; ldar %[a], [%[y]]")
SIDE(sb_order_1, 1, "stlr %[one], [%[y]]; ldar %[a], [%[x]]")
SIDE(sb_swap_0, 0, "swpal %[one], %[b], [%[x]]; ldar %[a], [%[y]]")
SIDE(sb_swap_1, 1, "swpal %[one], %[b], [%[y]]; ldar %[a], [%[x]]")
SIDE(lb_dmb_0, 0, "ldr %[a], [%[x]]; dmb ish; str %[one], [%[y]]")
SIDE(lb_dmb_1, 1, "ldr %[a], [%[y]]; dmb ish; str %[one], [%[x]]")
SIDE(lb_order_0, 0, "ldar %[a], [%[x]]; str %[one], [%[y]]")
SIDE(lb_order_1, 1, "ldr %[a], [%[y]]; stlr %[one], [%[x]]")
SIDE(coherence_0, 0, "str %[one], [%[x]]")
SIDE(coherence_1, 1, "ldr %[a], [%[x]]; ldr %[b], [%[x]]")

static int passed_on(const struct instance *i) { return i->read[1][0] == 1 && i->read[1][1] == 0; }
static int both_old(const struct instance *i) { return i->read[0][0] == 0 && i->read[1][0] == 0; }
static int both_new(const struct instance *i) { return i->read[0][0] == 1 && i->read[1][0] == 1; }

static const struct test {
    const char *name;
    side *sides[2];
    int (*forbidden)(const struct instance *);
} tests[] = {
    {"MP+dmb+dmb", {mp_dmb_0, mp_dmb_1}, passed_on},
    {"MP+dmb.st+dmb.ld", {mp_half_0, mp_half_1}, passed_on},
    {"MP+stlr+ldar", {mp_release_0, mp_acquire_1}, passed_on},
    {"MP+stlr+ldapr", {mp_release_0, mp_acquire_pc_1}, passed_on},
    {"MP+swpl+ldadda", {mp_swap_0, mp_add_1}, passed_on},
    {"SB+dmb+dmb", {sb_dmb_0, sb_dmb_1}, both_old},
    {"SB+stlr-ldar", {sb_order_0, sb_order_1}, both_old},
    {"SB+swpal-ldar", {sb_swap_0, sb_swap_1}, both_old},
    {"LB+dmb+dmb", {lb_dmb_0, lb_dmb_1}, both_new},
    {"LB+ldar+stlr", {lb_order_0, lb_order_1}, both_new},
    {"CoRR", {coherence_0, coherence_1}, passed_on},
};
enum { TESTS = sizeof tests / sizeof *tests };

static atomic_int arrived;
/* Both threads leave together: by looking, and by sleeping if the other one has no processor. */
static void meet(int times) {
    atomic_fetch_add(&arrived, 1);
    for (int spins = 0; atomic_load(&arrived) < 2 * times; spins++)
        if (spins > 1000) sched_yield();
}
static void *run(void *argument) {
    int self = argument != 0, met = 0;
    for (int t = 0; t < TESTS; t++)
        for (int round = 0; round < ROUNDS; round++) {
            if (self == 0) memset(instances, 0, sizeof instances);
            meet(++met);
            for (int n = 0; n < COUNT; n++) tests[t].sides[self](&instances[n]);
            meet(++met);
            for (int n = 0; self == 0 && n < COUNT; n++)
                if (tests[t].forbidden(&instances[n])) {
                    fprintf(stderr, "%s: forbidden outcome in round %d\n", tests[t].name, round);
                    exit(1);
                }
            meet(++met);
        }
    return 0;
}
int main(void) {
    pthread_t other;
    EXPECT(pthread_create(&other, 0, run, instances) == 0);
    run(0);
    EXPECT(pthread_join(other, 0) == 0);
    return 0;
}
