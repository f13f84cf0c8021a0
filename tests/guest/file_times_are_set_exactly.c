/* utimensat(2): nanoseconds, UTIME_NOW, UTIME_OMIT, links; writing changes mtime and ctime. */
#include "guest.h"
int main(void) {
    char path[64];
    struct stat status, before;
    int fd = scratch(path);
    struct timespec times[2] = {{1000000000, 123456789}, {1500000000, 987654321}};
    CHECK(utimensat(AT_FDCWD, path, times, 0));
    CHECK(stat(path, &status));
    EXPECT(status.st_atim.tv_sec == 1000000000 && status.st_mtim.tv_sec == 1500000000 && status.st_mtim.tv_nsec / 1000 == 987654);
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_nsec = UTIME_NOW;
    CHECK(futimens(fd, times));
    CHECK(stat(path, &status));
    EXPECT(status.st_atim.tv_sec == 1000000000 && status.st_mtim.tv_sec > 1600000000);
    CHECK(symlink(path, "link"));
    times[0] = times[1] = (struct timespec){5, 0};
    CHECK(utimensat(AT_FDCWD, "link", times, AT_SYMLINK_NOFOLLOW));
    CHECK(lstat("link", &status));
    EXPECT(status.st_mtim.tv_sec == 5);
    CHECK(stat("link", &status));
    EXPECT(status.st_mtim.tv_sec != 5);
    CHECK(utimensat(AT_FDCWD, path, times, 0));
    CHECK(stat(path, &before));
    CHECK(write(fd, "x", 1));
    CHECK(fstat(fd, &status));
    EXPECT(status.st_mtim.tv_sec > 5 && status.st_ctim.tv_sec >= before.st_ctim.tv_sec);
    times[0].tv_nsec = 1000000000;
    EXPECT_ERRNO(utimensat(AT_FDCWD, path, times, 0), EINVAL);
    EXPECT_ERRNO(utimensat(AT_FDCWD, "missing", 0, 0), ENOENT);
    CHECK(unlink("link"));
    CHECK(unlink(path));
    return 0;
}
