/* pipe(7): empty, full, broken and interrupted. */
#include "guest.h"
static char big[1 << 17];
static volatile int hits;
static void handler(int signo) { (void)signo; hits++; }
int main(void) {
    int ends[2];
    char byte;
    CHECK(pipe2(ends, O_NONBLOCK));
    EXPECT_ERRNO(read(ends[0], &byte, 1), EAGAIN);
    EXPECT(write(ends[1], big, sizeof big) == 65536);
    EXPECT_ERRNO(write(ends[1], big, 1), EAGAIN);
    /* Up to PIPE_BUF all or nothing. */
    EXPECT(read(ends[0], big, 4095) == 4095);
    EXPECT_ERRNO(write(ends[1], big, 4096), EAGAIN);
    EXPECT(read(ends[0], big, 1) == 1 && write(ends[1], big, 4096) == 4096);
    EXPECT_ERRNO(write(ends[1], big, 1), EAGAIN);
    CHECK(fcntl(ends[0], F_SETFL, 0));
    EXPECT(read(ends[0], big, sizeof big) == 65536);

    /* Reading waits, until a signal, data or the end. */
    on_signal(SIGALRM, handler, 0);
    interrupt_every(20);
    EXPECT_ERRNO(read(ends[0], &byte, 1), EINTR);
    EXPECT(hits > 0);
    interrupt_every(0);
    pid_t child = CHECK(fork());
    if (!child) {
        nap(30);
        CHECK(write(ends[1], "y", 1));
        _exit(0);
    }
    EXPECT(read(ends[0], &byte, 1) == 1 && byte == 'y' && reap(child) == 0);

    /* Writing waits until all of it is taken. */
    CHECK(fcntl(ends[1], F_SETFL, 0));
    child = CHECK(fork());
    if (!child) {
        CHECK(close(ends[1]));
        long total = 0;
        for (long got; (got = CHECK(read(ends[0], big, 3000))) > 0;) total += got;
        _exit(total == 3 * (long)sizeof big);
    }
    for (int i = 0; i < 3; i++) EXPECT(write(ends[1], big, sizeof big) == sizeof big);
    CHECK(close(ends[1]));
    EXPECT(reap(child) == 1 && read(ends[0], &byte, 1) == 0);

    CHECK(pipe(ends));
    CHECK(close(ends[0]));
    on_signal(SIGPIPE, handler, 0);
    hits = 0;
    EXPECT_ERRNO(write(ends[1], &byte, 1), EPIPE);
    EXPECT(hits == 1);
    on_signal(SIGPIPE, SIG_IGN, 0);
    EXPECT_ERRNO(write(ends[1], &byte, 1), EPIPE);
    return 0;
}
