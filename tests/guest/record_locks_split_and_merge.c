/* fcntl(2): POSIX locks by process, ranges that split, locks gone at any close; conflicts seen by F_GETLK. */
#include "guest.h"
static int fd;
static int lock(int type, long start, long length) {
    struct flock request = {.l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    return fcntl(fd, F_SETLK, &request);
}
/* In another process: the first conflicting lock for writing as start * 16 + type, or -1. */
static int conflict(long start, long length) {
    pid_t pid = CHECK(fork());
    if (!pid) {
        struct flock request = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
        CHECK(fcntl(fd, F_GETLK, &request));
        if (request.l_type != F_UNLCK) EXPECT(request.l_pid == getppid());
        _exit(request.l_type == F_UNLCK ? 255 : (int)request.l_start * 16 + request.l_type);
    }
    int result = reap(pid);
    return result == 255 ? -1 : result;
}
int main(void) {
    char path[64];
    fd = scratch(path);
    CHECK(lock(F_WRLCK, 2, 10));
    CHECK(lock(F_UNLCK, 5, 2));
    EXPECT(conflict(0, 2) == -1 && conflict(0, 3) == 2 * 16 + F_WRLCK && conflict(5, 2) == -1);
    EXPECT(conflict(7, 100) == 7 * 16 + F_WRLCK);
    CHECK(lock(F_RDLCK, 2, 3));
    EXPECT(conflict(0, 5) == 2 * 16 + F_RDLCK);
    CHECK(lock(F_WRLCK, 4, 0));
    EXPECT(conflict(1000, 1) == 4 * 16 + F_WRLCK);
    int other = CHECK(open(path, O_RDONLY));
    struct flock wrong = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    EXPECT_ERRNO(fcntl(other, F_SETLK, &wrong), EBADF);
    CHECK(close(other));
    EXPECT(conflict(0, 0) == -1);
    wrong = (struct flock){.l_type = 77, .l_whence = SEEK_SET};
    EXPECT_ERRNO(fcntl(fd, F_SETLK, &wrong), EINVAL);
    CHECK(unlink(path));
    return 0;
}
