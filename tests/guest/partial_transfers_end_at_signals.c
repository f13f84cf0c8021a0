/* signal(7): a write to a pipe that moved some bytes returns their number when a signal comes. */
#include "guest.h"
static volatile int hits;
static void handler(int signo) { (void)signo; hits++; }
int main(void) {
    static char big[1 << 18];
    int ends[2];
    CHECK(pipe(ends));
    int room = CHECK(fcntl(ends[1], F_GETPIPE_SZ));
    on_signal(SIGALRM, handler, SA_RESTART);
    interrupt_every(20);
    EXPECT(CHECK(write(ends[1], big, sizeof big)) == room && hits >= 1);
    interrupt_every(0);
    return 0;
}
