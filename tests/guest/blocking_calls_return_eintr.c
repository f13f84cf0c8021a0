/* signal(7): without SA_RESTART every blocking call here fails with EINTR. */
#include "guest.h"
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
static volatile int hits;
static void handler(int signo) { (void)signo; hits++; }
#define INTERRUPTED(call) do { int before = hits; EXPECT_ERRNO(call, EINTR); EXPECT(hits > before); } while (0)
int main(void) {
    int ends[2], pair[2];
    char byte;
    static char big[1 << 20];
    fd_set set;
    sigset_t none;
    sigemptyset(&none);
    CHECK(pipe(ends));
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    int listener = CHECK(socket(AF_INET, SOCK_STREAM, 0)), epoll = CHECK(epoll_create1(0));
    CHECK(bind(listener, (struct sockaddr *)&(struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}, 16));
    CHECK(listen(listener, 1));
    struct pollfd watched = {ends[0], POLLIN, 0};
    struct epoll_event event;
    struct iovec part = {&byte, 1};
    pid_t pid = CHECK(fork());
    if (!pid) { for (;;) pause(); }
    on_signal(SIGALRM, handler, 0);
    interrupt_every(10);
    INTERRUPTED(read(ends[0], &byte, 1));
    INTERRUPTED(readv(ends[0], &part, 1));
    INTERRUPTED(recv(pair[0], &byte, 1, 0));
    INTERRUPTED(accept(listener, 0, 0));
    INTERRUPTED(poll(&watched, 1, -1));
    INTERRUPTED(ppoll(&watched, 1, 0, &none));
    FD_ZERO(&set);
    FD_SET(ends[0], &set);
    INTERRUPTED(select(ends[0] + 1, &set, 0, 0, 0));
    INTERRUPTED(pselect(ends[0] + 1, &set, 0, 0, 0, &none));
    INTERRUPTED(epoll_wait(epoll, &event, 1, -1));
    INTERRUPTED(epoll_pwait(epoll, &event, 1, -1, &none));
    INTERRUPTED(waitpid(pid, 0, 0));
    INTERRUPTED(pause());
    struct timespec seconds = {20, 0}, left = {0, 0};
    INTERRUPTED(nanosleep(&seconds, &left));
    EXPECT(left.tv_sec == 19);
    EXPECT(clock_nanosleep(CLOCK_MONOTONIC, 0, &seconds, &left) == EINTR && left.tv_sec == 19);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    while (write(ends[1], big, sizeof big) > 0) {}
    fcntl(ends[1], F_SETFL, 0);
    INTERRUPTED(write(ends[1], &byte, 1));
    interrupt_every(0);
    CHECK(kill(pid, SIGKILL));
    EXPECT(reap_signal(pid) == SIGKILL);
    return 0;
}
