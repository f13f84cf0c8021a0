/* dup(2), fcntl(2): the lowest free number, shared offset and flags, own FD_CLOEXEC; dup2 and dup3 replace. */
#include "guest.h"
int main(void) {
    char path[64], byte;
    int fd = scratch(path);
    CHECK(unlink(path));
    CHECK(write(fd, "abcdef", 6));
    int copy = CHECK(fcntl(fd, F_DUPFD, 100)), closing = CHECK(fcntl(fd, F_DUPFD_CLOEXEC, 100));
    EXPECT(copy == 100 && closing == 101 && fcntl(copy, F_GETFD) == 0 && fcntl(closing, F_GETFD) == FD_CLOEXEC);
    CHECK(lseek(copy, 2, SEEK_SET));
    EXPECT(CHECK(read(fd, &byte, 1)) == 1 && byte == 'c' && CHECK(lseek(closing, 0, SEEK_CUR)) == 3);
    CHECK(fcntl(copy, F_SETFL, O_APPEND | O_NONBLOCK));
    EXPECT((CHECK(fcntl(fd, F_GETFL)) & (O_APPEND | O_NONBLOCK)) == (O_APPEND | O_NONBLOCK));
    CHECK(fcntl(fd, F_SETFL, O_WRONLY));
    EXPECT((CHECK(fcntl(copy, F_GETFL)) & (O_ACCMODE | O_APPEND)) == O_RDWR);
    EXPECT(CHECK(dup3(fd, 100, O_CLOEXEC)) == 100 && fcntl(100, F_GETFD) == FD_CLOEXEC);
    EXPECT_ERRNO(dup3(fd, 100, O_APPEND), EINVAL);
    EXPECT_ERRNO(dup2(fd, -1), EBADF);
    EXPECT_ERRNO(dup2(99, 98), EBADF);
    CHECK(close(copy));
    EXPECT(CHECK(fcntl(fd, F_DUPFD, 100)) == 100);
    int lowest = CHECK(dup(fd));
    CHECK(close(lowest));
    EXPECT(CHECK(open("/dev/null", O_RDONLY)) == lowest);
    CHECK(fcntl(100, F_SETFD, FD_CLOEXEC));
    EXPECT(fcntl(100, F_GETFD) == FD_CLOEXEC && fcntl(101, F_GETFD) == FD_CLOEXEC);
    EXPECT_ERRNO(fcntl(fd, 9999), EINVAL);
    return 0;
}
