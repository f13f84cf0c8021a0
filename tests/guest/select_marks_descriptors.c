/* select(2), pselect(2): sets are replaced, the timeout is written back, bad descriptors are EBADF. */
#include "guest.h"
#include <sys/select.h>
int main(void) {
    int ends[2];
    fd_set in, out, error;
    CHECK(pipe(ends));
    CHECK(dup2(ends[0], 70));
    FD_ZERO(&in); FD_ZERO(&out); FD_ZERO(&error);
    FD_SET(70, &in); FD_SET(ends[0], &in); FD_SET(ends[1], &out); FD_SET(70, &error);
    EXPECT(CHECK(select(71, &in, &out, &error, 0)) == 1);
    EXPECT(!FD_ISSET(70, &in) && FD_ISSET(ends[1], &out) && !FD_ISSET(70, &error));
    CHECK(write(ends[1], "x", 1));
    FD_SET(70, &in); FD_SET(ends[0], &in);
    EXPECT(CHECK(select(71, &in, &out, 0, 0)) == 3 && FD_ISSET(70, &in) && FD_ISSET(ends[0], &in));
    FD_ZERO(&in); FD_SET(70, &in);
    EXPECT(CHECK(select(70, &in, 0, 0, &(struct timeval){0, 5000})) == 0);
    struct timeval limit = {0, 20000};
    CHECK(select(0, 0, 0, 0, &limit));
    EXPECT(limit.tv_sec == 0 && limit.tv_usec == 0);
    limit.tv_sec = 5;
    FD_SET(70, &in);
    CHECK(select(71, &in, 0, 0, &limit));
    EXPECT(limit.tv_sec == 4 || limit.tv_sec == 5);
    FD_SET(69, &in);
    EXPECT_ERRNO(select(71, &in, 0, 0, 0), EBADF);
    EXPECT_ERRNO(select(-1, &in, 0, 0, 0), EINVAL);
    limit = (struct timeval){-1, 0};
    EXPECT_ERRNO(select(0, 0, 0, 0, &limit), EINVAL);
    return 0;
}
