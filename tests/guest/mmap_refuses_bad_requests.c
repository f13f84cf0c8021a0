/* mmap(2), ERRORS. */
#include "guest.h"
#define EXPECT_NO_MAP(number, ...) \
    do { errno = 0; void *m_ = mmap(__VA_ARGS__); EXPECT(m_ == MAP_FAILED && errno == (number)); } while (0)
int main(void) {
    char path[64];
    int fd = scratch(path), ends[2];
    int reader = CHECK(open(path, O_RDONLY)), writer = CHECK(open(path, O_WRONLY));
    CHECK(unlink(path));
    CHECK(ftruncate(fd, 4096));
    CHECK(pipe(ends));
    const int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
    EXPECT_NO_MAP(EINVAL, 0, 0, PROT_READ, anonymous, -1, 0);
    EXPECT_NO_MAP(EINVAL, 0, 4096, PROT_READ, MAP_ANONYMOUS, -1, 0);
    EXPECT_NO_MAP(EINVAL, 0, 4096, PROT_READ, MAP_PRIVATE, fd, 100);
    EXPECT_NO_MAP(EINVAL, (void *)0x10000001, 4096, PROT_READ, anonymous | MAP_FIXED, -1, 0);
    EXPECT_NO_MAP(EBADF, 0, 4096, PROT_READ, MAP_PRIVATE, 99, 0);
    EXPECT_NO_MAP(EACCES, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, reader, 0);
    EXPECT_NO_MAP(EACCES, 0, 4096, PROT_READ, MAP_SHARED, writer, 0);
    EXPECT_NO_MAP(EACCES, 0, 4096, PROT_READ, MAP_PRIVATE, writer, 0);
    EXPECT_NO_MAP(ENODEV, 0, 4096, PROT_READ, MAP_PRIVATE, ends[0], 0);
    EXPECT_NO_MAP(ENOMEM, 0, 1UL << 60, PROT_READ, anonymous, -1, 0);
    EXPECT_NO_MAP(ENOMEM, 0, SIZE_MAX - 100, PROT_READ, anonymous, -1, 0);
    int directory = CHECK(open("/", O_RDONLY)), path_only = CHECK(open("/", O_PATH));
    EXPECT_NO_MAP(ENODEV, 0, 4096, PROT_READ, MAP_PRIVATE, directory, 0);
    EXPECT_NO_MAP(EBADF, 0, 4096, PROT_READ, MAP_PRIVATE, path_only, 0);
    return 0;
}
