/* elfuse: oracle=skip(the oracle opens /proc/self/fd of itself) */
/* proc(5): /proc/self/fd and /dev/fd open the file anew: own offset, own access mode, also without a name. */
#include "guest.h"
int main(void) {
    char path[64], name[64], text[16] = {0};
    int fd = scratch(path), ends[2];
    CHECK(write(fd, "content", 7));
    CHECK(unlink(path));
    sprintf(name, "/proc/self/fd/%d", fd);
    int again = CHECK(open(name, O_RDONLY));
    EXPECT(CHECK(read(again, text, 16)) == 7 && strcmp(text, "content") == 0 && CHECK(lseek(fd, 0, SEEK_CUR)) == 7);
    EXPECT_ERRNO(write(again, "x", 1), EBADF);
    memset(text, 0, sizeof text);
    sprintf(text, "/dev/fd/%d", fd);
    CHECK(close(CHECK(open(text, O_RDWR | O_TRUNC))));
    EXPECT(CHECK(lseek(fd, 0, SEEK_END)) == 0);
    long size = CHECK(readlink(name, text, sizeof text - 1));
    EXPECT(size > 0 && text[0] == '/');
    CHECK(pipe(ends));
    sprintf(name, "/proc/self/fd/%d", ends[1]);
    int writer = CHECK(open(name, O_WRONLY));
    CHECK(close(ends[1]));
    CHECK(write(writer, "p", 1));
    EXPECT(CHECK(read(ends[0], text, 16)) == 1);
    EXPECT_ERRNO(open("/proc/self/fd/99", O_RDONLY), ENOENT);
    return 0;
}
