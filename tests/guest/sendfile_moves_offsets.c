/* sendfile(2): to pipes and sockets, with and without an offset, short at the end of the file. */
#include "guest.h"
#include <sys/sendfile.h>
#include <sys/socket.h>
int main(void) {
    char path[64], text[32];
    int fd = scratch(path), ends[2], pair[2];
    CHECK(unlink(path));
    CHECK(write(fd, "0123456789", 10));
    CHECK(pipe(ends));
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    CHECK(lseek(fd, 4, SEEK_SET));
    EXPECT(CHECK(sendfile(ends[1], fd, 0, 3)) == 3 && CHECK(lseek(fd, 0, SEEK_CUR)) == 7);
    off_t at = 1;
    EXPECT(CHECK(sendfile(pair[1], fd, &at, 100)) == 9 && at == 10 && CHECK(lseek(fd, 0, SEEK_CUR)) == 7);
    EXPECT(CHECK(read(ends[0], text, 32)) == 3 && memcmp(text, "456", 3) == 0);
    EXPECT(CHECK(read(pair[0], text, 32)) == 9 && memcmp(text, "123456789", 9) == 0);
    EXPECT(CHECK(sendfile(ends[1], fd, &at, 5)) == 0);
    int reader = CHECK(open("/dev/null", O_RDONLY));
    EXPECT_ERRNO(sendfile(reader, fd, 0, 1), EBADF);
    EXPECT_ERRNO(sendfile(99, fd, 0, 1), EBADF);
    at = -1;
    EXPECT_ERRNO(sendfile(ends[1], fd, &at, 1), EINVAL);
    return 0;
}
