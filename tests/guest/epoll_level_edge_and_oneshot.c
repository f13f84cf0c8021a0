/* epoll(7): what each mode reports again; two-way descriptors; data travels with the event. */
#include "guest.h"
#include <sys/epoll.h>
#include <sys/socket.h>
static int epoll, pair[2];
static uint32_t ready(void) {
    struct epoll_event event = {0};
    int count = CHECK(epoll_wait(epoll, &event, 1, 0));
    EXPECT(!count || event.data.u64 == 0x1234567890abcdef);
    return event.events;
}
static void set(int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.u64 = 0x1234567890abcdef};
    CHECK(epoll_ctl(epoll, operation, pair[0], &event));
}
int main(void) {
    char text[8];
    epoll = CHECK(epoll_create1(EPOLL_CLOEXEC));
    EXPECT(fcntl(epoll, F_GETFD) == FD_CLOEXEC);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    set(EPOLL_CTL_ADD, EPOLLIN);
    EXPECT(ready() == 0);
    CHECK(write(pair[1], "ab", 2));
    EXPECT(ready() == EPOLLIN && ready() == EPOLLIN);
    set(EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    EXPECT(ready() == (EPOLLIN | EPOLLOUT));
    set(EPOLL_CTL_MOD, EPOLLIN | EPOLLET);
    EXPECT(ready() == EPOLLIN && ready() == 0);
    CHECK(read(pair[0], text, 1));
    EXPECT(ready() == 0);
    CHECK(write(pair[1], "c", 1));
    EXPECT(ready() == EPOLLIN && ready() == 0);
    set(EPOLL_CTL_MOD, EPOLLIN | EPOLLONESHOT);
    EXPECT(ready() == EPOLLIN && ready() == 0);
    CHECK(write(pair[1], "d", 1));
    EXPECT(ready() == 0);
    set(EPOLL_CTL_MOD, EPOLLIN | EPOLLRDHUP);
    EXPECT(ready() == EPOLLIN);
    CHECK(shutdown(pair[1], SHUT_WR));
    EXPECT(ready() == (EPOLLIN | EPOLLRDHUP));
    CHECK(close(pair[1]));
    EXPECT(ready() == (EPOLLIN | EPOLLRDHUP | EPOLLHUP));
    set(EPOLL_CTL_MOD, 0);
    EXPECT(ready() == EPOLLHUP);
    CHECK(close(pair[0]));
    EXPECT(ready() == 0);
    return 0;
}
