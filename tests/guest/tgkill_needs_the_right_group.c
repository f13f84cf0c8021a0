/* elfuse: threads */
/* tgkill(2): a signal for one thread; wrong groups are ESRCH, bad numbers EINVAL. */
#include "guest.h"
#include <pthread.h>
static volatile int seen_by;
static volatile int tid;
static void handler(int signo) { (void)signo; seen_by = gettid(); }
static void *wait_for_it(void *unused) {
    tid = gettid();
    while (!seen_by) usleep(1000);
    return unused;
}
int main(void) {
    pthread_t thread;
    on_signal(SIGUSR1, handler, SA_RESTART);
    EXPECT(pthread_create(&thread, 0, wait_for_it, 0) == 0);
    while (!tid) usleep(1000);
    EXPECT_ERRNO(syscall(SYS_tgkill, tid, tid, 0), ESRCH);
    EXPECT_ERRNO(syscall(SYS_tgkill, getpid(), 0x3ffffffe, 0), ESRCH);
    EXPECT_ERRNO(syscall(SYS_tgkill, -1, tid, 0), EINVAL);
    EXPECT_ERRNO(syscall(SYS_tgkill, getpid(), tid, 65), EINVAL);
    CHECK(syscall(SYS_tgkill, getpid(), tid, 0));
    CHECK(syscall(SYS_tgkill, getpid(), tid, SIGUSR1));
    pthread_join(thread, 0);
    EXPECT(seen_by == tid && tid != getpid());
    return 0;
}
