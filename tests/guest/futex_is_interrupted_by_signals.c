/* signal(7): FUTEX_WAIT without a timeout restarts after SA_RESTART handlers, fails with EINTR after others. */
#include "guest.h"
#include <linux/futex.h>
static uint32_t word;
static volatile int hits;
static void count(int signo) { (void)signo; hits++; }
static void release(int signo) {
    (void)signo;
    if (++hits == 3) { word = 1; syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0); }
}
int main(void) {
    on_signal(SIGALRM, count, 0);
    interrupt_every(10);
    EXPECT_ERRNO(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0), EINTR);
    interrupt_every(0);
    EXPECT(hits >= 1);
    hits = 0;
    on_signal(SIGALRM, release, SA_RESTART);
    interrupt_every(10);
    long result = syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0);
    interrupt_every(0);
    EXPECT(hits >= 3 && (result == 0 || errno == EAGAIN));
    return 0;
}
