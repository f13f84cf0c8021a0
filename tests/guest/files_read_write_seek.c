/* read(2), write(2), lseek(2) and their relatives. */
#include "guest.h"
#include <sys/uio.h>
int main(void) {
    char path[64], a[4] = {0}, b[8] = {0};
    int fd = scratch(path);
    struct iovec out[2] = {{"abc", 3}, {"defgh", 5}}, in[2] = {{a, 3}, {b, 5}};
    EXPECT(writev(fd, out, 2) == 8);
    EXPECT(lseek(fd, 0, SEEK_CUR) == 8 && lseek(fd, 0, SEEK_SET) == 0);
    EXPECT(readv(fd, in, 2) == 8 && strcmp(a, "abc") == 0 && strcmp(b, "defgh") == 0);
    EXPECT(pread(fd, b, 2, 6) == 2 && b[0] == 'g');
    EXPECT(pwrite(fd, "Z", 1, 20) == 1);
    struct stat status;
    CHECK(fstat(fd, &status));
    EXPECT(status.st_size == 21 && S_ISREG(status.st_mode) && status.st_nlink == 1);
    EXPECT(lseek(fd, 0, SEEK_END) == 21);
    EXPECT_ERRNO(lseek(fd, -1, SEEK_SET), EINVAL);
    CHECK(ftruncate(fd, 5));
    EXPECT(read(fd, b, 4) == 0);
    int appended = CHECK(open(path, O_WRONLY | O_APPEND));
    CHECK(write(appended, "!", 1));
    CHECK(fstat(fd, &status));
    EXPECT(status.st_size == 6);
    EXPECT_ERRNO(read(appended, b, 1), EBADF);
    EXPECT_ERRNO(write(fd, nowhere(), 4), EFAULT);
    EXPECT_ERRNO(read(99, b, 1), EBADF);
    CHECK(unlink(path));
    CHECK(fstat(fd, &status));
    EXPECT(status.st_nlink == 0);
    EXPECT(pread(fd, b, 1, 0) == 1);
    return 0;
}
