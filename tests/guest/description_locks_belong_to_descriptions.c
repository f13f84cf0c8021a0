/* fcntl(2): F_OFD_SETLK conflicts within one process, survives fork, ends at the last close. */
#include "guest.h"
int main(void) {
    char path[64];
    int one = scratch(path), two = CHECK(open(path, O_RDWR));
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET}, ask = whole;
    CHECK(fcntl(one, F_OFD_SETLK, &whole));
    EXPECT_ERRNO(fcntl(two, F_OFD_SETLK, &whole), EAGAIN);
    CHECK(fcntl(two, F_OFD_GETLK, &ask));
    EXPECT(ask.l_type == F_WRLCK && ask.l_pid == -1);
    pid_t pid = CHECK(fork());
    if (!pid) { CHECK(fcntl(one, F_OFD_SETLK, &whole)); _exit(0); }
    EXPECT(reap(pid) == 0);
    EXPECT_ERRNO(fcntl(two, F_OFD_SETLK, &whole), EAGAIN);
    CHECK(close(one));
    CHECK(fcntl(two, F_OFD_SETLK, &whole));
    whole.l_pid = 5;
    EXPECT_ERRNO(fcntl(two, F_OFD_SETLK, &whole), EINVAL);
    CHECK(unlink(path));
    return 0;
}
