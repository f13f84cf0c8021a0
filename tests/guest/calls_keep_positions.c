/* lseek(2), open(2): one position a description; O_APPEND wins over it; holes read as zero; modes hold. */
#include "guest.h"
int main(void) {
    char path[64], got[8];
    struct stat status;
    int fd = scratch(path);
    CHECK(write(fd, "0123456789", 10));
    int twin = CHECK(dup(fd)), other = CHECK(open(path, O_RDONLY));
    EXPECT(lseek(twin, 4, SEEK_SET) == 4 && read(fd, got, 2) == 2 && !memcmp(got, "45", 2));
    EXPECT(read(other, got, 1) == 1 && got[0] == '0' && lseek(twin, 0, SEEK_CUR) == 6);
    pid_t child = CHECK(fork());
    if (!child) {
        EXPECT(read(fd, got, 3) == 3 && !memcmp(got, "678", 3));
        CHECK(close(twin));
        EXPECT_ERRNO(read(twin, got, 1), EBADF);
        _exit(0);
    }
    EXPECT(reap(child) == 0 && lseek(twin, 0, SEEK_CUR) == 9);
    EXPECT(pread(twin, got, 1, 2) == 1 && lseek(twin, 0, SEEK_CUR) == 9);

    EXPECT(lseek(fd, 6, SEEK_END) == 16 && read(fd, got, 1) == 0);
    EXPECT(write(fd, "!", 1) == 1 && pread(fd, got, 2, 12) == 2 && !got[0] && !got[1]);
    EXPECT_ERRNO(lseek(fd, -100, SEEK_CUR), EINVAL);
    EXPECT_ERRNO(lseek(fd, 0, 99), EINVAL);
    EXPECT_ERRNO(pread(fd, got, 1, -1), EINVAL);
    EXPECT_ERRNO(pwrite(fd, got, 1, -1), EINVAL);
    EXPECT(pread(fd, got, 1, 1L << 40) == 0 && lseek(fd, 0, SEEK_CUR) == 17);

    CHECK(fcntl(fd, F_SETFL, O_APPEND));
    EXPECT(lseek(fd, 0, SEEK_SET) == 0 && write(fd, "A", 1) == 1 && lseek(fd, 0, SEEK_CUR) == 18);
    EXPECT(pwrite(fd, "B", 1, 0) == 1 && pread(fd, got, 2, 17) == 2 && !memcmp(got, "AB", 2));
    CHECK(fcntl(fd, F_SETFL, 0));
    EXPECT(pwrite(fd, "C", 1, 0) == 1 && pread(fd, got, 1, 0) == 1 && got[0] == 'C');
    CHECK(fstat(fd, &status));
    EXPECT(status.st_size == 19);

    EXPECT_ERRNO(write(other, "x", 1), EBADF);
    EXPECT_ERRNO(pwrite(other, "x", 1, 0), EBADF);
    EXPECT_ERRNO(read(CHECK(open(path, O_WRONLY)), got, 1), EBADF);
    int named = CHECK(open(path, O_PATH));
    EXPECT_ERRNO(read(named, got, 1), EBADF);
    EXPECT_ERRNO(lseek(named, 0, SEEK_CUR), EBADF);
    int ends[2];
    CHECK(pipe(ends));
    EXPECT_ERRNO(lseek(ends[0], 0, SEEK_CUR), ESPIPE);
    EXPECT_ERRNO(pread(ends[0], got, 1, 0), ESPIPE);
    EXPECT_ERRNO(write(ends[0], got, 1), EBADF);
    EXPECT(!isatty(fd) && errno == ENOTTY && !isatty(ends[0]) && errno == ENOTTY);
    EXPECT(!isatty(77) && errno == EBADF);

    /* A number past those that are usual. */
    int high = CHECK(fcntl(other, F_DUPFD, 1000));
    EXPECT(high == 1000 && pread(high, got, 1, 1) == 1 && got[0] == '1');
    EXPECT(read(high, got, 1) == 1 && got[0] == '1');
    CHECK(unlink(path));
    return 0;
}
