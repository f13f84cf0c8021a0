/* open(2): O_PATH descriptors name a file: no reading, but stat, *at calls and links themselves. */
#include "guest.h"
int main(void) {
    char byte;
    struct stat status;
    close(CHECK(open("file", O_CREAT | O_RDWR, 0)));
    CHECK(symlink("file", "link"));
    int fd = CHECK(open("file", O_PATH)), link = CHECK(open("link", O_PATH | O_NOFOLLOW)), directory = CHECK(open(".", O_PATH));
    EXPECT_ERRNO(read(fd, &byte, 1), EBADF);
    EXPECT_ERRNO(write(fd, &byte, 1), EBADF);
    EXPECT_ERRNO(fchmod(fd, 0600), EBADF);
    EXPECT_ERRNO(ftruncate(fd, 0), EBADF);
    EXPECT_ERRNO(lseek(fd, 0, SEEK_SET), EBADF);
    CHECK(fstat(fd, &status));
    EXPECT(S_ISREG(status.st_mode) && (CHECK(fcntl(fd, F_GETFL)) & O_PATH));
    CHECK(fstat(link, &status));
    EXPECT(S_ISLNK(status.st_mode) && CHECK(readlinkat(link, "", &byte, 1)) == 1 && byte == 'f');
    CHECK(fchdir(directory));
    CHECK(close(CHECK(dup(fd))));
    EXPECT(CHECK(openat(directory, "file", O_PATH)) >= 0);
    unlink("file"); unlink("link");
    return 0;
}
