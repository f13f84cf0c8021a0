/* statx(2): the same facts as stat(2), birth time or not, flags and errors. */
#include "guest.h"
#include <sys/sysmacros.h>
int main(void) {
    char path[64];
    struct statx more;
    struct stat status;
    int fd = scratch(path);
    CHECK(write(fd, "12345", 5));
    CHECK(fstat(fd, &status));
    CHECK(statx(AT_FDCWD, path, 0, STATX_BASIC_STATS | STATX_BTIME, &more));
    EXPECT((more.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS && more.stx_size == 5 && more.stx_ino == status.st_ino);
    EXPECT(more.stx_mode == status.st_mode && more.stx_nlink == 1 && more.stx_uid == status.st_uid && more.stx_blksize > 0);
    EXPECT(more.stx_mtime.tv_sec == status.st_mtim.tv_sec && more.stx_mtime.tv_nsec == status.st_mtim.tv_nsec);
    EXPECT(makedev(more.stx_dev_major, more.stx_dev_minor) == status.st_dev);
    CHECK(statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &more));
    EXPECT(more.stx_size == 5);
    CHECK(symlink("nowhere", "link"));
    EXPECT_ERRNO(statx(AT_FDCWD, "link", 0, STATX_ALL, &more), ENOENT);
    CHECK(statx(AT_FDCWD, "link", AT_SYMLINK_NOFOLLOW, STATX_ALL, &more));
    EXPECT(S_ISLNK(more.stx_mode) && more.stx_size == 7);
    EXPECT_ERRNO(statx(AT_FDCWD, path, 0, 0x80000000, &more), EINVAL);
    EXPECT_ERRNO(syscall(SYS_statx, AT_FDCWD, path, 0x40000000, STATX_ALL, &more), EINVAL);
    EXPECT_ERRNO(syscall(SYS_statx, AT_FDCWD, path, 0, STATX_ALL, nowhere()), EFAULT);
    CHECK(unlink("link"));
    CHECK(unlink(path));
    return 0;
}
