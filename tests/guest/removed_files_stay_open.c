/* unlink(2): an open file without a name works until its last close; its link count is zero. */
#include "guest.h"
int main(void) {
    char path[64], text[8];
    struct stat status;
    int fd = scratch(path);
    CHECK(link(path, "second"));
    CHECK(unlink(path));
    CHECK(fstat(fd, &status));
    EXPECT(status.st_nlink == 1);
    CHECK(unlink("second"));
    CHECK(write(fd, "still", 5));
    CHECK(fstat(fd, &status));
    EXPECT(status.st_nlink == 0 && status.st_size == 5);
    EXPECT(CHECK(pread(fd, text, 8, 0)) == 5);
    CHECK(fchmod(fd, 0400));
    CHECK(ftruncate(fd, 2));
    int other = CHECK(open(path, O_CREAT | O_EXCL | O_RDWR, 0600));
    EXPECT(CHECK(read(other, text, 8)) == 0);
    CHECK(unlink(path));
    CHECK(mkdir("gone", 0700));
    int directory = CHECK(open("gone", O_RDONLY));
    CHECK(rmdir("gone"));
    CHECK(fstat(directory, &status));
    EXPECT(S_ISDIR(status.st_mode) && status.st_nlink == 0);
    EXPECT_ERRNO(openat(directory, "x", O_CREAT | O_RDWR, 0600), ENOENT);
    return 0;
}
