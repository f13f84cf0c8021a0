/* fcntl(2): record locks conflict between processes and end with them; flock(2). */
#include "guest.h"
#include <sys/file.h>
int main(void) {
    char path[64];
    int fd = scratch(path);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 5};
    CHECK(fcntl(fd, F_SETLK, &lock));
    pid_t parent = getpid(), pid = CHECK(fork());
    if (!pid) {
        struct flock other = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 12, .l_len = 1};
        EXPECT(fcntl(fd, F_SETLK, &other) == -1 && (errno == EAGAIN || errno == EACCES));
        CHECK(fcntl(fd, F_GETLK, &other));
        EXPECT(other.l_type == F_WRLCK && other.l_start == 10 && other.l_pid == parent);
        other = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 20, .l_len = 1};
        CHECK(fcntl(fd, F_SETLK, &other));
        _exit(0);
    }
    EXPECT(reap(pid) == 0);
    lock.l_start = 20;
    CHECK(fcntl(fd, F_SETLK, &lock));
    lock.l_type = F_UNLCK;
    CHECK(fcntl(fd, F_SETLK, &lock));
    CHECK(flock(fd, LOCK_EX));
    int again = CHECK(open(path, O_RDWR));
    EXPECT_ERRNO(flock(again, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    CHECK(flock(fd, LOCK_UN));
    CHECK(flock(again, LOCK_EX | LOCK_NB));
    CHECK(unlink(path));
    return 0;
}
