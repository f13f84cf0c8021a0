/* EFAULT, not a signal, for system calls on memory that the program may not use; what was reached is kept. */
#include "fault.h"
int main(void) {
    char *p = mmap(0, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), path[64];
    CHECK(mprotect(p + 4096, 4096, PROT_NONE));
    int ends[2], fd = scratch(path);
    CHECK(unlink(path));
    CHECK(pipe(ends));
    CHECK(write(ends[1], "abcdefgh", 8));
    EXPECT_ERRNO(read(ends[0], p + 4096, 8), EFAULT);
    EXPECT_ERRNO(write(ends[1], p + 4096, 8), EFAULT);
    EXPECT_ERRNO(write(fd, p + 4096, 8), EFAULT);
    memset(p, 'x', 4096);
    long written = write(fd, p + 4000, 200);
    EXPECT(written == 96 || (written == -1 && errno == EFAULT));
    EXPECT_ERRNO(syscall(SYS_openat, AT_FDCWD, p + 4090, O_RDONLY), EFAULT);
    strcpy(p + 4091, "/dev");
    EXPECT(CHECK(open(p + 4091, O_RDONLY)) >= 0);
    EXPECT_ERRNO(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, p + 4088), EFAULT);
    CHECK(mprotect(p + 4096, 4096, PROT_READ));
    EXPECT_ERRNO(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, p + 4096), EFAULT);
    EXPECT_ERRNO(pipe((int *)(p + 4096)), EFAULT);
    EXPECT(CHECK(write(fd, p + 4096, 4096)) == 4096);
    return 0;
}
