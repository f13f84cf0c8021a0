/* elfuse: oracle=skip(the oracle opens /proc/self/fd of itself) */
/* open(2): O_TMPFILE and linkat through /proc/self/fd. */
#include "guest.h"
int main(void) {
    int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    if (fd == -1 && (errno == EOPNOTSUPP || errno == EISDIR)) return 0;
    CHECK(fd);
    CHECK(write(fd, "kept", 4));
    char from[64], to[64];
    sprintf(from, "/proc/self/fd/%d", fd);
    sprintf(to, "/tmp/guest-named-%d", getpid());
    CHECK(linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW));
    struct stat status;
    CHECK(stat(to, &status));
    EXPECT(status.st_size == 4 && status.st_nlink == 1);
    CHECK(unlink(to));
    return 0;
}
