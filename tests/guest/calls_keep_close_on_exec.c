/* elfuse: oracle=skip(qemu-user cannot execute its own /proc/self/exe) */
/* fcntl(2): the close-on-exec flag belongs to the descriptor; execve closes what has it, wherever it was set. */
#include "guest.h"
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
static int flag(int fd) { return (int)CHECK(fcntl(fd, F_GETFD)); }
int main(int argc, char **argv) {
    if (argc > 1) {
        /* After execve: argv[1] descriptors from 10 on, every other one closed. */
        for (int i = 0; i < atoi(argv[1]); i++) {
            if (i % 2) EXPECT(flag(10 + i) == 0);
            else EXPECT_ERRNO(fcntl(10 + i, F_GETFD), EBADF);
        }
        EXPECT(fcntl(5000, F_GETFD) == (atoi(argv[2]) ? 0 : -1));
        return 0;
    }
    int fd = CHECK(open("/dev/null", O_RDWR | O_CLOEXEC)), ends[2];
    CHECK(pipe(ends));
    EXPECT(flag(fd) == FD_CLOEXEC && flag(ends[0]) == 0);
    EXPECT_ERRNO(fcntl(77, F_GETFD), EBADF);
    EXPECT_ERRNO(fcntl(77, F_SETFD, 1), EBADF);
    int twin = CHECK(dup(fd));
    EXPECT(flag(twin) == 0);
    CHECK(fcntl(twin, F_SETFD, FD_CLOEXEC));
    CHECK(fcntl(fd, F_SETFD, 0));
    EXPECT(flag(twin) == FD_CLOEXEC && flag(fd) == 0);
    CHECK(ioctl(fd, FIOCLEX));
    EXPECT(flag(fd) == FD_CLOEXEC);
    CHECK(ioctl(fd, FIONCLEX));
    EXPECT(flag(fd) == 0);
    EXPECT(dup2(twin, ends[0]) == ends[0] && flag(ends[0]) == 0);
    EXPECT(dup3(twin, ends[1], O_CLOEXEC) == ends[1] && flag(ends[1]) == FD_CLOEXEC);
    CHECK(close(ends[1]));
    EXPECT(dup(fd) == ends[1] && flag(ends[1]) == 0);

    /* Kinds that are served in different ways. */
    int kinds[4] = {fd, (int)CHECK(socket(AF_UNIX, SOCK_STREAM, 0)), (int)CHECK(open("/", O_RDONLY)), (int)CHECK(open("/proc/self/stat", O_RDONLY))};
    for (int i = 0; i < 8; i++) {
        EXPECT(dup2(kinds[i / 2], 10 + i) == 10 + i);
        if (i % 2 == 0) CHECK(fcntl(10 + i, F_SETFD, FD_CLOEXEC));
    }
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = limit.rlim_max;
    int high = limit.rlim_max > 5000 && setrlimit(RLIMIT_NOFILE, &limit) == 0;
    if (high) {
        EXPECT(dup3(fd, 5000, O_CLOEXEC) == 5000 && flag(5000) == FD_CLOEXEC);
        CHECK(fcntl(5000, F_SETFD, 0));
        EXPECT(flag(5000) == 0 && dup3(fd, 5001, O_CLOEXEC) == 5001);
    }
    pid_t child = CHECK(fork());
    if (!child) {
        EXPECT(flag(10) == FD_CLOEXEC && flag(11) == 0);
        CHECK(fcntl(11, F_SETFD, FD_CLOEXEC));
        _exit(0);
    }
    EXPECT(reap(child) == 0 && flag(11) == 0);
    CHECK(execl("/proc/self/exe", "again", "8", high ? "1" : "0", (char *)0));
    return 0;
}
