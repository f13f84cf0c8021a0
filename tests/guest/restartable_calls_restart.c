/* signal(7): with SA_RESTART reads, writes, waits, accepts and locks go on; polls, sleeps and epoll still fail. */
#include "guest.h"
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
static volatile int hits;
static int ends[2], pair[2], listener;
static struct sockaddr_in address = {.sin_family = AF_INET};
static volatile int act;
static pid_t child;
static void handler(int signo) {
    (void)signo;
    if (++hits != 3) return;
    if (act == 1) CHECK(write(ends[1], "x", 1));
    if (act == 2) CHECK(write(pair[1], "x", 1));
    if (act == 3) CHECK(connect(CHECK(socket(AF_INET, SOCK_STREAM, 0)), (struct sockaddr *)&address, sizeof address));
    if (act == 4) CHECK(kill(child, SIGKILL));
}
#define RESTARTED(what, call) do { hits = 0; act = what; EXPECT((call) >= 0); EXPECT(hits >= 3); } while (0)
int main(void) {
    char byte;
    socklen_t size = sizeof address;
    CHECK(pipe(ends));
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    listener = CHECK(socket(AF_INET, SOCK_STREAM, 0));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(listener, (struct sockaddr *)&address, size));
    CHECK(getsockname(listener, (struct sockaddr *)&address, &size));
    CHECK(listen(listener, 1));
    child = CHECK(fork());
    if (!child) { for (;;) pause(); }
    on_signal(SIGALRM, handler, SA_RESTART);
    interrupt_every(10);
    RESTARTED(1, read(ends[0], &byte, 1));
    RESTARTED(2, recv(pair[0], &byte, 1, 0));
    RESTARTED(3, accept(listener, 0, 0));
    RESTARTED(4, waitpid(child, 0, 0));
    act = 0;
    struct pollfd watched = {ends[0], POLLIN, 0};
    struct epoll_event event;
    int epoll = CHECK(epoll_create1(0));
    EXPECT_ERRNO(poll(&watched, 1, -1), EINTR);
    EXPECT_ERRNO(select(0, 0, 0, 0, 0), EINTR);
    EXPECT_ERRNO(epoll_wait(epoll, &event, 1, -1), EINTR);
    EXPECT_ERRNO(nanosleep(&(struct timespec){20, 0}, 0), EINTR);
    struct timeval limit = {20, 0};
    CHECK(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
    EXPECT_ERRNO(recv(pair[0], &byte, 1, 0), EINTR);
    interrupt_every(0);
    return 0;
}
