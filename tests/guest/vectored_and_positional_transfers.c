/* elfuse: oracle=skip(qemu-user 7.2 has no pwritev2) */
/* readv(2), pwritev2(2): buffers in order, positions, short ends, flags; errors. */
#include "guest.h"
#include <sys/uio.h>
int main(void) {
    char path[64], a[4] = {0}, b[8] = {0};
    int fd = scratch(path);
    CHECK(unlink(path));
    struct iovec out[3] = {{"abc", 3}, {"", 0}, {"defgh", 5}}, in[2] = {{a, 3}, {b, 7}};
    EXPECT(CHECK(writev(fd, out, 3)) == 8);
    CHECK(lseek(fd, 1, SEEK_SET));
    EXPECT(CHECK(readv(fd, in, 2)) == 7 && memcmp(a, "bcd", 3) == 0 && memcmp(b, "efgh", 4) == 0);
    EXPECT(CHECK(pwritev(fd, out, 1, 10)) == 3 && CHECK(lseek(fd, 0, SEEK_CUR)) == 8);
    EXPECT(CHECK(preadv(fd, in, 2, 7)) == 6 && memcmp(a, "h\0\0", 3) == 0 && memcmp(b, "abc", 3) == 0);
    EXPECT(CHECK(preadv2(fd, in, 1, -1, 0)) == 3 && CHECK(lseek(fd, 0, SEEK_CUR)) == 11);
    EXPECT(CHECK(pwritev2(fd, out, 1, 0, RWF_DSYNC)) == 3);
    EXPECT_ERRNO(preadv2(fd, in, 1, 0, 0x4000), EOPNOTSUPP);
    EXPECT_ERRNO(syscall(SYS_readv, fd, in, -1), EINVAL);
    EXPECT_ERRNO(syscall(SYS_readv, fd, in, 1025), EINVAL);
    EXPECT(CHECK(readv(fd, in, 0)) == 0);
    struct iovec negative = {a, SIZE_MAX};
    EXPECT_ERRNO(syscall(SYS_writev, fd, &negative, 1), EINVAL);
    EXPECT_ERRNO(pread(fd, a, 1, -1), EINVAL);
    int ends[2];
    CHECK(pipe(ends));
    EXPECT_ERRNO(pread(ends[0], a, 1, 0), ESPIPE);
    EXPECT_ERRNO(pwritev(ends[1], out, 1, 0), ESPIPE);
    EXPECT_ERRNO(lseek(ends[0], 0, SEEK_CUR), ESPIPE);
    return 0;
}
