/* pipe(7), fcntl(2): F_GETPIPE_SZ, F_SETPIPE_SZ, FIONREAD, atomic small writes, EOF after the last writer. */
#include "guest.h"
#include <sys/ioctl.h>
int main(void) {
    static char data[1 << 18];
    int ends[2], available;
    CHECK(pipe2(ends, O_NONBLOCK | O_CLOEXEC));
    EXPECT(fcntl(ends[0], F_GETFD) == FD_CLOEXEC && fcntl(ends[0], F_GETFL) == O_NONBLOCK);
    EXPECT(CHECK(fcntl(ends[1], F_GETPIPE_SZ)) >= 4096);
    EXPECT(CHECK(fcntl(ends[1], F_SETPIPE_SZ, 10000)) == 16384 && CHECK(fcntl(ends[0], F_GETPIPE_SZ)) == 16384);
    EXPECT(CHECK(write(ends[1], data, sizeof data)) == 16384);
    CHECK(ioctl(ends[0], FIONREAD, &available));
    EXPECT(available == 16384);
    EXPECT_ERRNO(write(ends[1], data, 1), EAGAIN);
    EXPECT_ERRNO(fcntl(ends[1], F_SETPIPE_SZ, 4096), EBUSY);
    EXPECT(CHECK(read(ends[0], data, 4096)) == 4096);
    EXPECT(CHECK(write(ends[1], data, 4096)) == 4096);
    EXPECT(CHECK(read(ends[0], data, sizeof data)) == 16384);
    int copy = CHECK(dup(ends[1]));
    CHECK(close(ends[1]));
    EXPECT_ERRNO(read(ends[0], data, 1), EAGAIN);
    CHECK(close(copy));
    EXPECT(CHECK(read(ends[0], data, 1)) == 0);
    EXPECT_ERRNO(pipe2(ends, 0x1), EINVAL);
    return 0;
}
