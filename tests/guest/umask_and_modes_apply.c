/* umask(2), chmod(2): bits of new files and directories, set-id bits, fchmod, permission errors. */
#include "guest.h"
static int mode(const char *path) { struct stat s; CHECK(stat(path, &s)); return s.st_mode & 07777; }
int main(void) {
    umask(027);
    close(CHECK(open("f", O_CREAT | O_WRONLY, 0666)));
    CHECK(mkdir("d", 0777));
    EXPECT(mode("f") == 0640 && mode("d") == 0750 && umask(0) == 027);
    CHECK(mkfifo("p", 0622));
    EXPECT(mode("p") == 0622);
    CHECK(chmod("f", 04711));
    EXPECT(mode("f") == 04711);
    int fd = CHECK(open("f", O_RDONLY));
    CHECK(fchmod(fd, 0));
    EXPECT(mode("f") == 0);
    CHECK(fchmodat(AT_FDCWD, "d", 01777, 0));
    EXPECT(mode("d") == 01777);
    EXPECT_ERRNO(chmod("missing", 0), ENOENT);
    EXPECT(access("f", R_OK) == (geteuid() ? -1 : 0));
    EXPECT_ERRNO(access("f", X_OK), EACCES);
    EXPECT_ERRNO(access("f", 99), EINVAL);
    EXPECT_ERRNO(execl("f", "f", (char *)0), EACCES);
    if (geteuid()) {
        EXPECT_ERRNO(open("f", O_RDONLY), EACCES);
        CHECK(chmod("d", 0600));
        EXPECT_ERRNO(open("d/x", O_CREAT | O_RDWR, 0600), EACCES);
        CHECK(chmod("d", 0500));
        EXPECT_ERRNO(mkdir("d/x", 0700), EACCES);
        EXPECT_ERRNO(chown("f", 0, -1), EPERM);
    }
    CHECK(chown("f", getuid(), getgid()));
    CHECK(chown("f", -1, -1));
    unlink("f"); unlink("p"); CHECK(rmdir("d"));
    return 0;
}
