/* elfuse: oracle=skip(qemu-user refuses a whole transfer for one bad page) */
/* read(2), write(2): what lies before an inaccessible page is moved and counted; EFAULT if nothing does. */
#include "guest.h"
#include <sys/uio.h>
enum { PAGE = 4096 };
static volatile int negative = -1, too_many = 1025;
int main(void) {
    char path[64];
    int fd = scratch(path), ends[2];
    CHECK(unlink(path));
    char *area = mmap(0, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(area != MAP_FAILED);
    memset(area, 'x', 3 * PAGE);
    CHECK(write(fd, area, 3 * PAGE));
    CHECK(mprotect(area + PAGE, PAGE, PROT_NONE));
    char *tail = area + PAGE - 10;

    memset(tail, 0, 10);
    EXPECT(lseek(fd, 0, SEEK_SET) == 0 && read(fd, tail, 100) == 10 && tail[9] == 'x');
    EXPECT(lseek(fd, 0, SEEK_CUR) == 10);
    EXPECT(pread(fd, tail, 100, 5) == 10);
    EXPECT_ERRNO(read(fd, area + PAGE, 100), EFAULT);
    EXPECT(lseek(fd, 0, SEEK_CUR) == 10);
    EXPECT(read(fd, area + PAGE, 0) == 0);
    EXPECT(write(fd, tail, 100) == 10 && lseek(fd, 0, SEEK_CUR) == 20);
    EXPECT_ERRNO(write(fd, area + PAGE, 1), EFAULT);
    EXPECT_ERRNO(pwrite(fd, nowhere(), 1, 0), EFAULT);
    EXPECT_ERRNO(read(fd, (void *)-4096L, 1), EFAULT);
    EXPECT_ERRNO(read(fd, (void *)(1L << 60), 1), EFAULT);

    struct iovec parts[3] = {{area, 4}, {area + PAGE, 4}, {area + 2 * PAGE, 4}};
    EXPECT(readv(fd, parts, 3) == 4 && writev(fd, parts, 3) == 4);
    EXPECT_ERRNO(readv(fd, parts + 1, 2), EFAULT);
    EXPECT_ERRNO(readv(fd, nowhere(), 2), EFAULT);
    EXPECT_ERRNO(readv(fd, parts, negative), EINVAL);
    EXPECT_ERRNO(writev(fd, parts, too_many), EINVAL);
    EXPECT(writev(fd, parts, 0) == 0);
    parts[1] = (struct iovec){0, 0};
    EXPECT(writev(fd, parts, 3) == 8);
    parts[2].iov_len = -1;
    EXPECT_ERRNO(writev(fd, parts, 3), EINVAL);

    CHECK(mprotect(area, PAGE, PROT_READ));
    EXPECT_ERRNO(pread(fd, area, 4, 0), EFAULT);
    EXPECT(pwrite(fd, area, 4, 0) == 4);

    int zero = CHECK(open("/dev/zero", O_RDWR));
    CHECK(mprotect(area, PAGE, PROT_READ | PROT_WRITE));
    EXPECT(read(zero, tail, 100) == 10 && tail[9] == 0);
    EXPECT_ERRNO(read(zero, area + PAGE, 4), EFAULT);

    CHECK(pipe(ends));
    EXPECT(write(ends[1], tail, 10) == 10);
    EXPECT_ERRNO(write(ends[1], area + PAGE, 1), EFAULT);
    EXPECT_ERRNO(read(ends[0], area + PAGE, 1), EFAULT);
    EXPECT(read(ends[0], tail, 100) == 10);
    return 0;
}
