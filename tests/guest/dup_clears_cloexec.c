/* dup(2): the copy does not inherit FD_CLOEXEC. */
#include "guest.h"
int main(void) {
    int fd = CHECK(open("/dev/null", O_RDONLY | O_CLOEXEC));
    int copy = CHECK(dup(fd));
    EXPECT(fcntl(fd, F_GETFD) == FD_CLOEXEC);
    EXPECT(fcntl(copy, F_GETFD) == 0);
    EXPECT_ERRNO(dup3(fd, fd, 0), EINVAL);
    EXPECT(dup2(fd, fd) == fd);
    return 0;
}
