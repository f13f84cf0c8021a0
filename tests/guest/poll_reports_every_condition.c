/* poll(2): ends of pipes and sockets, errors, negative descriptors, timeouts. */
#include "guest.h"
#include <poll.h>
#include <sys/socket.h>
static int state(int fd, int events) {
    struct pollfd watched = {fd, (short)events, 0};
    CHECK(poll(&watched, 1, 0));
    return watched.revents;
}
int main(void) {
    int ends[2], pair[2];
    char byte;
    CHECK(pipe(ends));
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    EXPECT(state(ends[0], POLLIN) == 0 && state(ends[1], POLLOUT) == POLLOUT);
    EXPECT(state(pair[0], POLLIN | POLLOUT) == POLLOUT);
    CHECK(write(pair[1], "x", 1));
    EXPECT(state(pair[0], POLLIN | POLLOUT | POLLRDNORM) == (POLLIN | POLLOUT | POLLRDNORM));
    CHECK(shutdown(pair[1], SHUT_WR));
    EXPECT(state(pair[0], POLLIN | POLLRDHUP) == (POLLIN | POLLRDHUP));
    CHECK(read(pair[0], &byte, 1));
    EXPECT(state(pair[0], POLLIN) == POLLIN && CHECK(read(pair[0], &byte, 1)) == 0);
    CHECK(close(pair[1]));
    EXPECT(state(pair[0], POLLIN) & POLLHUP);
    CHECK(close(ends[1]));
    EXPECT(state(ends[0], POLLIN) == POLLHUP && state(ends[0], 0) == POLLHUP);
    CHECK(pipe(ends));
    CHECK(close(ends[0]));
    EXPECT(state(ends[1], POLLOUT) == (POLLOUT | POLLERR));
    struct pollfd many[3] = {{-1, POLLIN, 7}, {99, POLLIN, 0}, {CHECK(open("/dev/null", O_RDWR)), POLLIN | POLLOUT, 0}};
    EXPECT(CHECK(poll(many, 3, -1)) == 2 && many[0].revents == 0 && many[1].revents == POLLNVAL);
    EXPECT(many[2].revents == (POLLIN | POLLOUT));
    int64_t start = now_ns();
    EXPECT(CHECK(poll(0, 0, 15)) == 0 && now_ns() - start >= 15000000);
    struct timespec none = {0, 0}, bad = {0, -1};
    EXPECT(CHECK(ppoll(many, 1, &none, 0)) == 0);
    EXPECT_ERRNO(ppoll(many, 1, &bad, 0), EINVAL);
    EXPECT_ERRNO(syscall(SYS_ppoll, nowhere(), 1, &none, 0, 8), EFAULT);
    return 0;
}
