/* fcntl(2) F_SETLKW, flock(2): wait for another process to let go, or for a signal. */
#include "guest.h"
#include <sys/file.h>
static void handler(int signo) { (void)signo; }
int main(void) {
    char path[64], byte;
    int fd = scratch(path), ends[2];
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    CHECK(pipe(ends));
    pid_t pid = CHECK(fork());
    if (!pid) {
        int own = CHECK(open(path, O_RDWR));
        CHECK(fcntl(own, F_SETLK, &lock));
        CHECK(flock(own, LOCK_EX));
        CHECK(write(ends[1], "x", 1));
        nap(60);
        _exit(0);
    }
    CHECK(read(ends[0], &byte, 1));
    EXPECT_ERRNO(flock(fd, LOCK_SH | LOCK_NB), EWOULDBLOCK);
    on_signal(SIGALRM, handler, 0);
    interrupt_every(10);
    EXPECT_ERRNO(fcntl(fd, F_SETLKW, &lock), EINTR);
    interrupt_every(0);
    CHECK(fcntl(fd, F_SETLKW, &lock));
    CHECK(flock(fd, LOCK_EX));
    EXPECT(reap(pid) == 0);
    CHECK(flock(fd, LOCK_SH));
    EXPECT_ERRNO(flock(fd, 77), EINVAL);
    CHECK(unlink(path));
    return 0;
}
