/* poll(2), select(2), epoll(7): level and edge triggering, oneshot, errors. */
#include "guest.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
int main(void) {
    int ends[2];
    CHECK(pipe(ends));
    struct pollfd watched[2] = {{ends[0], POLLIN, 0}, {ends[1], POLLOUT, 0}};
    EXPECT(poll(watched, 2, 0) == 1 && watched[0].revents == 0 && watched[1].revents == POLLOUT);
    int epoll = CHECK(epoll_create1(0));
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data = {.u32 = 7}}, got;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event));
    EXPECT_ERRNO(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event), EEXIST);
    EXPECT(epoll_wait(epoll, &got, 1, 10) == 0);
    CHECK(write(ends[1], "x", 1));
    EXPECT(epoll_wait(epoll, &got, 1, 1000) == 1 && got.data.u32 == 7 && got.events == EPOLLIN);
    EXPECT(epoll_wait(epoll, &got, 1, 10) == 0);
    event.events = EPOLLIN | EPOLLONESHOT;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_MOD, ends[0], &event));
    EXPECT(epoll_wait(epoll, &got, 1, 1000) == 1);
    EXPECT(epoll_wait(epoll, &got, 1, 10) == 0);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_DEL, ends[0], 0));
    EXPECT_ERRNO(epoll_ctl(epoll, EPOLL_CTL_DEL, ends[0], 0), ENOENT);
    int file = CHECK(open("/proc/self/exe", O_RDONLY));
    EXPECT_ERRNO(epoll_ctl(epoll, EPOLL_CTL_ADD, file, &event), EPERM);
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(ends[0], &readable);
    struct timeval limit = {1, 0};
    EXPECT(select(ends[0] + 1, &readable, 0, 0, &limit) == 1 && FD_ISSET(ends[0], &readable));
    close(ends[1]);
    EXPECT(poll(watched, 1, 0) == 1 && (watched[0].revents & POLLHUP));
    struct pollfd bad = {77, POLLIN, 0};
    EXPECT(poll(&bad, 1, 0) == 1 && bad.revents == POLLNVAL);
    return 0;
}
