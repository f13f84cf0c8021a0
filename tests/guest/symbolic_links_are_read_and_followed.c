/* symlink(2), readlink(2): odd targets, cut reads, links in the middle of paths, errors. */
#include "guest.h"
int main(void) {
    char text[64];
    struct stat status;
    CHECK(symlink("target of link", "link"));
    memset(text, '#', sizeof text);
    EXPECT(CHECK(readlink("link", text, 6)) == 6 && memcmp(text, "target#", 7) == 0);
    EXPECT(CHECK(readlink("link", text, sizeof text)) == 14);
    CHECK(lstat("link", &status));
    EXPECT(status.st_size == 14 && (status.st_mode & 0777) == 0777);
    EXPECT_ERRNO(symlink("", "empty"), ENOENT);
    EXPECT_ERRNO(symlink("x", "link"), EEXIST);
    EXPECT_ERRNO(readlink("link", text, 0), EINVAL);
    EXPECT_ERRNO(readlink(".", text, 5), EINVAL);
    EXPECT_ERRNO(readlink("missing", text, 5), ENOENT);
    CHECK(mkdir("d", 0700));
    CHECK(symlink("../d", "d/self"));
    close(CHECK(open("d/self/self/self/f", O_CREAT | O_WRONLY, 0600)));
    CHECK(stat("d/f", &status));
    CHECK(symlink("/", "root"));
    CHECK(stat("root/tmp", &status));
    EXPECT(S_ISDIR(status.st_mode));
    CHECK(link("link", "second"));
    CHECK(lstat("second", &status));
    EXPECT(S_ISLNK(status.st_mode) && status.st_nlink == 2);
    unlink("link"); unlink("second"); unlink("root"); unlink("d/f"); unlink("d/self"); CHECK(rmdir("d"));
    return 0;
}
