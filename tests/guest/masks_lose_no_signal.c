/* elfuse: threads */
/* sigprocmask(2): what is pending is delivered before the call that unblocks it returns, whoever sends it when. */
#include "guest.h"
#include <pthread.h>
enum { COUNT = 2000 };
static volatile int hits;
static pthread_t main_thread;
static void handler(int signo) { (void)signo; hits++; }
static long change(int how, uint64_t *set, uint64_t *old) { return syscall(SYS_rt_sigprocmask, how, set, old, 8); }
static void *sender(void *unused) {
    for (int i = 0; i < COUNT; i++) {
        union sigval value = {0};
        if (i % 2) EXPECT(pthread_sigqueue(main_thread, SIGRTMIN, value) == 0);
        else CHECK(sigqueue(getpid(), SIGRTMIN, value));
    }
    return unused;
}
int main(void) {
    uint64_t one = 1L << (SIGUSR1 - 1), real = 1L << (SIGRTMIN - 1), all = 0x7FFFFFFF, none = 0, old, now;
    on_signal(SIGUSR1, handler, 0);
    on_signal(SIGRTMIN, handler, 0);
    CHECK(change(SIG_SETMASK, &none, 0));
    EXPECT(change(SIG_BLOCK, &one, &old) == 0 && old == 0);
    for (int i = 1; i <= 100; i++) {
        CHECK(kill(getpid(), SIGUSR1));
        CHECK(change(SIG_BLOCK, &one, 0));
        EXPECT(hits == i - 1);
        CHECK(change(SIG_UNBLOCK, &one, 0));
        EXPECT(hits == i);
        CHECK(change(SIG_BLOCK, &one, &old));
        EXPECT(!(old & one));
    }
    EXPECT(change(SIG_SETMASK, &all, &old) == 0 && old == one);
    EXPECT(change(SIG_BLOCK, 0, &now) == 0 && now == (all & ~(1UL << (SIGKILL - 1) | 1UL << (SIGSTOP - 1))));
    EXPECT_ERRNO(change(9, &one, 0), EINVAL);
    EXPECT(change(9, 0, &now) == 0);
    EXPECT_ERRNO(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &one, 0, 4), EINVAL);
    EXPECT_ERRNO(change(SIG_SETMASK, nowhere(), 0), EFAULT);
    EXPECT_ERRNO(change(SIG_SETMASK, &none, nowhere()), EFAULT);
    EXPECT(change(SIG_BLOCK, 0, &now) == 0 && now == 0);
    /* The set may be where the old one goes. */
    now = real;
    EXPECT(change(SIG_SETMASK, &now, &now) == 0 && now == 0);

    pthread_t thread;
    main_thread = pthread_self();
    hits = 0;
    EXPECT(pthread_create(&thread, 0, sender, 0) == 0);
    int64_t limit = now_ns() + 20000000000L;
    while (hits < COUNT && now_ns() < limit) {
        CHECK(change(SIG_UNBLOCK, &real, 0));
        CHECK(change(SIG_BLOCK, &real, 0));
    }
    EXPECT(hits == COUNT && pthread_join(thread, 0) == 0);
    return 0;
}
