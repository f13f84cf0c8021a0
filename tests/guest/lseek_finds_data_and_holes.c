/* lseek(2): positions past the end, SEEK_DATA, SEEK_HOLE, errors. */
#include "guest.h"
int main(void) {
    char path[64], byte = 1;
    int fd = scratch(path);
    CHECK(unlink(path));
    EXPECT(CHECK(lseek(fd, 1 << 20, SEEK_SET)) == 1 << 20);
    CHECK(write(fd, "data", 4));
    EXPECT(CHECK(lseek(fd, -4, SEEK_END)) == 1 << 20 && CHECK(lseek(fd, 2, SEEK_CUR)) == (1 << 20) + 2);
    EXPECT(CHECK(pread(fd, &byte, 1, 1000)) == 1 && byte == 0);
    long data = lseek(fd, 0, SEEK_DATA), hole = lseek(fd, 1 << 20, SEEK_HOLE);
    EXPECT((data == 0 || data == 1 << 20) && hole == (1 << 20) + 4);
    EXPECT_ERRNO(lseek(fd, (1 << 20) + 4, SEEK_DATA), ENXIO);
    EXPECT_ERRNO(lseek(fd, -1, SEEK_SET), EINVAL);
    EXPECT_ERRNO(lseek(fd, 0, 99), EINVAL);
    EXPECT(CHECK(lseek(fd, 0, SEEK_CUR)) >= 0);
    return 0;
}
