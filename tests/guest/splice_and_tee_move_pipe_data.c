/* splice(2), tee(2). */
#include "guest.h"
int main(void) {
    char path[64], text[32];
    int fd = scratch(path), one[2], two[2];
    CHECK(unlink(path));
    CHECK(pipe(one));
    CHECK(pipe(two));
    CHECK(write(one[1], "abcdefgh", 8));
    EXPECT(CHECK(tee(one[0], two[1], 5, 0)) == 5);
    EXPECT(CHECK(read(two[0], text, 32)) == 5 && memcmp(text, "abcde", 5) == 0);
    EXPECT(CHECK(splice(one[0], 0, two[1], 0, 3, 0)) == 3 && CHECK(read(two[0], text, 32)) == 3 && memcmp(text, "abc", 3) == 0);
    loff_t at = 10;
    EXPECT(CHECK(splice(one[0], 0, fd, &at, 100, 0)) == 5 && at == 15);
    EXPECT(CHECK(pread(fd, text, 32, 10)) == 5 && memcmp(text, "defgh", 5) == 0);
    EXPECT_ERRNO(splice(one[0], 0, two[1], 0, 1, SPLICE_F_NONBLOCK), EAGAIN);
    EXPECT_ERRNO(splice(fd, 0, fd, 0, 1, 0), EINVAL);
    EXPECT_ERRNO(splice(one[0], &at, two[1], 0, 1, 0), ESPIPE);
    EXPECT_ERRNO(tee(one[0], fd, 1, 0), EINVAL);
    CHECK(close(one[1]));
    EXPECT(CHECK(splice(one[0], 0, two[1], 0, 1, 0)) == 0);
    return 0;
}
