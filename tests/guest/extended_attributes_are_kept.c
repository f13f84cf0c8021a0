/* xattr(7): user attributes by path and descriptor; flags, sizes, lists, errors. */
#include "guest.h"
#include <sys/xattr.h>
int main(void) {
    char text[64];
    int fd = CHECK(open("file", O_CREAT | O_RDWR, 0600));
    if (fsetxattr(fd, "user.probe", "x", 1, 0) == -1) { EXPECT(errno == EOPNOTSUPP); unlink("file"); return 0; }
    CHECK(fremovexattr(fd, "user.probe"));
    EXPECT(CHECK(listxattr("file", text, sizeof text)) == 0);
    CHECK(setxattr("file", "user.one", "value", 5, XATTR_CREATE));
    EXPECT_ERRNO(setxattr("file", "user.one", "v", 1, XATTR_CREATE), EEXIST);
    EXPECT_ERRNO(setxattr("file", "user.two", "v", 1, XATTR_REPLACE), ENODATA);
    CHECK(fsetxattr(fd, "user.two", "", 0, 0));
    EXPECT(CHECK(getxattr("file", "user.one", 0, 0)) == 5 && CHECK(fgetxattr(fd, "user.one", text, 64)) == 5);
    EXPECT_ERRNO(getxattr("file", "user.one", text, 3), ERANGE);
    EXPECT(CHECK(getxattr("file", "user.two", text, 64)) == 0);
    EXPECT_ERRNO(getxattr("file", "user.three", text, 64), ENODATA);
    EXPECT_ERRNO(getxattr("missing", "user.one", text, 64), ENOENT);
    EXPECT_ERRNO(setxattr("file", "odd", "v", 1, 0), EOPNOTSUPP);
    long size = CHECK(flistxattr(fd, text, sizeof text));
    EXPECT(size == 18 && memmem(text, size, "user.one", 9) && memmem(text, size, "user.two", 9));
    EXPECT_ERRNO(listxattr("file", text, 3), ERANGE);
    CHECK(removexattr("file", "user.one"));
    EXPECT_ERRNO(removexattr("file", "user.one"), ENODATA);
    CHECK(unlink("file"));
    return 0;
}
