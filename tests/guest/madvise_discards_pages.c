/* madvise(2): MADV_DONTNEED brings back zeroes, a file's content, or shared content; errors. */
#include "guest.h"
int main(void) {
    char path[64];
    int fd = scratch(path);
    CHECK(unlink(path));
    CHECK(write(fd, "file", 4));
    char *anonymous = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *private = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    char *shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    memset(anonymous, 7, 3 * 4096);
    memcpy(private, "XXXX", 4);
    shared[0] = 7;
    CHECK(madvise(anonymous + 4096, 4096, MADV_DONTNEED));
    CHECK(madvise(private, 4096, MADV_DONTNEED));
    CHECK(madvise(shared, 4096, MADV_DONTNEED));
    EXPECT(anonymous[4095] == 7 && anonymous[4096] == 0 && anonymous[8191] == 0 && anonymous[8192] == 7);
    EXPECT(memcmp(private, "file", 4) == 0 && shared[0] == 7);
    CHECK(madvise(anonymous, 4096, MADV_WILLNEED));
    CHECK(madvise(anonymous, 4096, MADV_SEQUENTIAL));
    CHECK(madvise(anonymous, 0, MADV_DONTNEED));
    EXPECT_ERRNO(madvise(anonymous + 1, 4096, MADV_DONTNEED), EINVAL);
    return 0;
}
