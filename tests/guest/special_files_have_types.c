/* mknod(2): fifos and sockets as anyone, regular files, devices as root only or not at all. */
#include "guest.h"
#include <sys/sysmacros.h>
int main(void) {
    struct stat status;
    CHECK(mknod("fifo", S_IFIFO | 0600, 0));
    CHECK(mknod("socket", S_IFSOCK | 0600, 0));
    CHECK(mknod("regular", S_IFREG | 0600, 0));
    CHECK(mknod("plain", 0600, 0));
    CHECK(stat("fifo", &status));
    EXPECT(S_ISFIFO(status.st_mode));
    CHECK(stat("socket", &status));
    EXPECT(S_ISSOCK(status.st_mode));
    CHECK(stat("plain", &status));
    EXPECT(S_ISREG(status.st_mode));
    EXPECT_ERRNO(mknod("fifo", S_IFIFO | 0600, 0), EEXIST);
    EXPECT_ERRNO(mknod("dir", S_IFDIR | 0600, 0), EPERM);
    EXPECT_ERRNO(mknod("odd", 0170000, 0), EINVAL);
    if (geteuid()) EXPECT_ERRNO(mknod("device", S_IFCHR | 0600, makedev(1, 3)), EPERM);
    EXPECT_ERRNO(open("socket", O_RDWR), ENXIO);
    EXPECT_ERRNO(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
    int fd = CHECK(open("fifo", O_RDONLY | O_NONBLOCK));
    int writer = CHECK(open("fifo", O_WRONLY | O_NONBLOCK));
    char byte;
    EXPECT_ERRNO(read(fd, &byte, 1), EAGAIN);
    CHECK(write(writer, "x", 1));
    EXPECT(CHECK(read(fd, &byte, 1)) == 1);
    CHECK(close(writer));
    EXPECT(CHECK(read(fd, &byte, 1)) == 0);
    unlink("fifo"); unlink("socket"); unlink("regular"); unlink("plain");
    return 0;
}
