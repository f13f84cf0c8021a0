/* truncate(2), fallocate(2): grow with zeroes, shrink, allocate, keep the size, punch holes; errors. */
#include "guest.h"
int main(void) {
    char path[64], text[8];
    struct stat status;
    int fd = scratch(path), reader = CHECK(open(path, O_RDONLY));
    CHECK(write(fd, "abcdefgh", 8));
    CHECK(truncate(path, 3));
    CHECK(ftruncate(fd, 6));
    EXPECT(CHECK(pread(fd, text, 8, 0)) == 6 && memcmp(text, "abc\0\0\0", 6) == 0);
    EXPECT_ERRNO(ftruncate(reader, 1), EINVAL);
    EXPECT_ERRNO(ftruncate(fd, -1), EINVAL);
    EXPECT_ERRNO(truncate("/", 1), EISDIR);
    EXPECT_ERRNO(truncate("missing", 1), ENOENT);
    if (fallocate(fd, 0, 0, 10000) == 0) {
        CHECK(fstat(fd, &status));
        EXPECT(status.st_size == 10000 && status.st_blocks >= 16);
        CHECK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 20000));
        CHECK(fstat(fd, &status));
        EXPECT(status.st_size == 10000);
        CHECK(pwrite(fd, "zz", 2, 5000));
        if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 4096) == 0)
            EXPECT(CHECK(pread(fd, text, 2, 5000)) == 2 && text[0] == 0);
        EXPECT_ERRNO(fallocate(fd, 0, 0, 0), EINVAL);
        EXPECT_ERRNO(fallocate(reader, 0, 0, 1), EBADF);
    } else EXPECT(errno == EOPNOTSUPP);
    CHECK(unlink(path));
    return 0;
}
