/* pipe(7): end of file, EPIPE with SIGPIPE, non-blocking ends, capacity. */
#include "guest.h"
static volatile int hits;
static void handler(int signo) { (void)signo; hits++; }
int main(void) {
    int ends[2];
    char byte;
    CHECK(pipe2(ends, O_NONBLOCK));
    EXPECT_ERRNO(read(ends[0], &byte, 1), EAGAIN);
    static char big[1 << 20];
    long written = CHECK(write(ends[1], big, sizeof big));
    EXPECT(written > 0 && written < (long)sizeof big);
    EXPECT_ERRNO(write(ends[1], big, sizeof big), EAGAIN);
    close(ends[1]);
    while (read(ends[0], big, sizeof big) > 0) {}
    EXPECT(read(ends[0], &byte, 1) == 0);
    CHECK(pipe(ends));
    close(ends[0]);
    signal(SIGPIPE, handler);
    EXPECT_ERRNO(write(ends[1], "x", 1), EPIPE);
    EXPECT(hits == 1);
    EXPECT(fcntl(ends[1], F_GETFL) == O_WRONLY);
    return 0;
}
