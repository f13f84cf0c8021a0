/* open(2): O_EXCL, O_TRUNC, O_APPEND, O_DIRECTORY, O_NOFOLLOW, access modes, and F_GETFL afterwards. */
#include "guest.h"
int main(void) {
    struct stat status;
    char text[16];
    int fd = CHECK(open("file", O_CREAT | O_EXCL | O_RDWR, 0644));
    EXPECT_ERRNO(open("file", O_CREAT | O_EXCL | O_RDWR, 0644), EEXIST);
    CHECK(write(fd, "0123456789", 10));
    int append = CHECK(open("file", O_WRONLY | O_APPEND));
    CHECK(lseek(append, 0, SEEK_SET));
    CHECK(write(append, "ab", 2));
    EXPECT(CHECK(lseek(append, 0, SEEK_CUR)) == 12 && CHECK(pread(fd, text, 16, 8)) == 4 && memcmp(text, "89ab", 4) == 0);
    EXPECT(CHECK(fcntl(append, F_GETFL)) % 0x8000 == (O_WRONLY | O_APPEND));
    EXPECT_ERRNO(read(append, text, 1), EBADF);
    int reader = CHECK(open("file", O_RDONLY));
    EXPECT_ERRNO(write(reader, "x", 1), EBADF);
    CHECK(close(CHECK(open("file", O_WRONLY | O_TRUNC))));
    CHECK(fstat(fd, &status));
    EXPECT(status.st_size == 0);
    EXPECT_ERRNO(open("file", O_RDONLY | O_DIRECTORY), ENOTDIR);
    EXPECT_ERRNO(open("file/x", O_RDONLY), ENOTDIR);
    EXPECT_ERRNO(open("missing", O_RDONLY), ENOENT);
    EXPECT_ERRNO(open("missing/x", O_CREAT | O_RDWR, 0600), ENOENT);
    EXPECT_ERRNO(open(".", O_WRONLY), EISDIR);
    EXPECT_ERRNO(open(".", O_CREAT | O_RDWR, 0600), EISDIR);
    EXPECT_ERRNO(open("new/", O_CREAT | O_RDWR, 0600), EISDIR);
    CHECK(symlink("file", "link"));
    EXPECT_ERRNO(open("link", O_RDONLY | O_NOFOLLOW), ELOOP);
    EXPECT_ERRNO(open("link", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
    CHECK(symlink("target", "dangling"));
    CHECK(close(CHECK(open("dangling", O_CREAT | O_RDWR, 0600))));
    CHECK(unlink("target"));
    EXPECT_ERRNO(open("dangling", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
    unlink("link"); unlink("dangling"); unlink("file");
    return 0;
}
