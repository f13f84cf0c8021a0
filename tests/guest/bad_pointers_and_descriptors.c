/* errno(3): a table of calls with bad pointers (EFAULT), bad descriptors (EBADF), unknown numbers (ENOSYS). */
#include "guest.h"
#include <sys/socket.h>
#include <sys/utsname.h>
int main(void) {
    void *bad = nowhere();
    EXPECT_ERRNO(open(bad, O_RDONLY), EFAULT);
    EXPECT_ERRNO(syscall(SYS_uname, bad), EFAULT);
    EXPECT_ERRNO(pipe(bad), EFAULT);
    EXPECT_ERRNO(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, bad), EFAULT);
    EXPECT_ERRNO(syscall(SYS_newfstatat, AT_FDCWD, "/", bad, 0), EFAULT);
    EXPECT_ERRNO(syscall(SYS_rt_sigaction, SIGUSR1, bad, 0, 8), EFAULT);
    EXPECT_ERRNO(syscall(SYS_execve, "/proc/self/exe", bad, 0), EFAULT);
    EXPECT_ERRNO(close(50), EBADF);
    EXPECT_ERRNO(fsync(50), EBADF);
    EXPECT_ERRNO(lseek(50, 0, SEEK_SET), EBADF);
    EXPECT_ERRNO(ftruncate(50, 0), EBADF);
    EXPECT_ERRNO(fchdir(50), EBADF);
    EXPECT_ERRNO(shutdown(50, SHUT_RD), EBADF);
    EXPECT_ERRNO(fcntl(50, F_GETFL), EBADF);
    EXPECT_ERRNO(dup(50), EBADF);
    EXPECT_ERRNO(syscall(4000), ENOSYS);
    EXPECT_ERRNO(listen(1, 1), ENOTSOCK);
    struct sockaddr name;
    socklen_t size = sizeof name;
    for (int fd = 0; fd < 2; fd++) {
        EXPECT_ERRNO(getpeername(fd, &name, &size), ENOTSOCK);
        EXPECT_ERRNO(getsockname(fd, &name, &size), ENOTSOCK);
    }
    EXPECT_ERRNO(getpeername(77, &name, &size), EBADF);
    return 0;
}
