/* openat(2) and relatives: descriptors of directories, AT_FDCWD, absolute paths, AT_EMPTY_PATH, bad ones. */
#include "guest.h"
int main(void) {
    struct stat one, two;
    CHECK(mkdir("d", 0700));
    CHECK(mkdirat(AT_FDCWD, "d/e", 0700));
    int d = CHECK(open("d", O_RDONLY | O_DIRECTORY)), e = CHECK(openat(d, "e", O_PATH));
    int fd = CHECK(openat(e, "f", O_CREAT | O_WRONLY, 0600));
    CHECK(fstatat(d, "e/f", &one, 0));
    CHECK(fstatat(fd, "", &two, AT_EMPTY_PATH));
    EXPECT(one.st_ino == two.st_ino && one.st_dev == two.st_dev);
    CHECK(renameat(e, "f", d, "g"));
    CHECK(linkat(d, "g", e, "h", 0));
    CHECK(symlinkat("../g", e, "s"));
    CHECK(faccessat(e, "s", R_OK, 0));
    CHECK(fstatat(e, "s", &one, AT_SYMLINK_NOFOLLOW));
    EXPECT(S_ISLNK(one.st_mode) && one.st_size == 4);
    CHECK(fstatat(e, "..", &one, 0));
    CHECK(fstat(d, &two));
    EXPECT(one.st_ino == two.st_ino);
    CHECK(rename("d", "renamed"));
    CHECK(fstatat(e, "h", &one, 0));
    EXPECT(one.st_nlink == 2);
    EXPECT_ERRNO(openat(fd, "x", O_RDONLY), ENOTDIR);
    EXPECT_ERRNO(openat(99, "x", O_RDONLY), EBADF);
    EXPECT(CHECK(openat(99, "/", O_RDONLY)) > 0);
    EXPECT_ERRNO(fstatat(d, "", &one, 0), ENOENT);
    EXPECT_ERRNO(unlinkat(d, "e", 0), EISDIR);
    EXPECT_ERRNO(unlinkat(d, "g", AT_REMOVEDIR), ENOTDIR);
    unlinkat(e, "h", 0); unlinkat(e, "s", 0); unlinkat(d, "g", 0);
    CHECK(unlinkat(d, "e", AT_REMOVEDIR));
    EXPECT_ERRNO(openat(e, "x", O_CREAT | O_RDWR, 0600), ENOENT);
    CHECK(rmdir("renamed"));
    return 0;
}
