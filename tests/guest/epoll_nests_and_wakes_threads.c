/* elfuse: threads */
/* epoll(7): instances in instances, several sleeping threads, masks, closed descriptions. */
#include "guest.h"
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

static int epoll, counter;
static volatile int alarms;

static void on_alarm(int number) { alarms += number == SIGALRM; }

static void *sleeper(void *unused) {
    struct epoll_event got;
    (void)unused;
    return (void *)(long)epoll_wait(epoll, &got, 1, 5000);
}

static int ready(int instance, int timeout) {
    struct epoll_event got[4];
    int count = CHECK(epoll_wait(instance, got, 4, timeout));
    return count ? got[0].events : 0;
}

static void add(int instance, int fd, unsigned events) {
    struct epoll_event event = {.events = events, .data = {.fd = fd}};
    CHECK(epoll_ctl(instance, EPOLL_CTL_ADD, fd, &event));
}

int main(void) {
    int pair[2], inner = CHECK(epoll_create1(0)), outer = CHECK(epoll_create1(0));
    struct epoll_event event = {.events = EPOLLIN};
    char byte;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    add(inner, pair[0], EPOLLIN);
    add(outer, inner, EPOLLIN);
    EXPECT_ERRNO(epoll_ctl(inner, EPOLL_CTL_ADD, outer, &event), ELOOP);
    EXPECT_ERRNO(epoll_ctl(inner, EPOLL_CTL_ADD, inner, &event), EINVAL);
    EXPECT(ready(outer, 0) == 0);
    CHECK(write(pair[1], "x", 1));
    EXPECT(ready(outer, 1000) == EPOLLIN && ready(inner, 0) == EPOLLIN);
    struct pollfd watched = {outer, POLLIN, 0};
    EXPECT(CHECK(poll(&watched, 1, 0)) == 1);
    CHECK(read(pair[0], &byte, 1));
    EXPECT(ready(outer, 0) == 0 && CHECK(poll(&watched, 1, 0)) == 0);
    if (!CHECK(fork())) {
        usleep(20000);
        CHECK(write(pair[1], "y", 1));
        _exit(0);
    }
    EXPECT(CHECK(poll(&watched, 1, 5000)) == 1);
    CHECK(wait(0));

    int copy = CHECK(dup(pair[0]));
    CHECK(close(pair[0]));
    EXPECT(ready(inner, 0) == EPOLLIN);
    CHECK(close(copy));
    EXPECT(ready(inner, 0) == 0);

    pthread_t threads[2];
    void *counts[2];
    epoll = CHECK(epoll_create1(0));
    counter = CHECK(eventfd(0, 0));
    add(epoll, counter, EPOLLIN);
    for (int i = 0; i < 2; i++)
        EXPECT(pthread_create(&threads[i], 0, sleeper, 0) == 0);
    usleep(20000);
    CHECK(eventfd_write(counter, 1));
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], &counts[i]);
    EXPECT((long)counts[0] == 1 && (long)counts[1] == 1);

    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    sigset_t blocked, none;
    eventfd_t value;
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGALRM);
    CHECK(sigaction(SIGALRM, &action, 0));
    CHECK(sigprocmask(SIG_BLOCK, &blocked, 0));
    CHECK(raise(SIGALRM));
    EXPECT(ready(epoll, 0) == EPOLLIN && alarms == 0);
    CHECK(eventfd_read(counter, &value));
    EXPECT_ERRNO(epoll_pwait(epoll, &event, 1, 5000, &none), EINTR);
    EXPECT(alarms == 1);
    CHECK(raise(SIGALRM));
    struct timespec limit = {5, 0};
    EXPECT_ERRNO(ppoll(&watched, 1, &limit, &none), EINTR);
    EXPECT(alarms == 2);
    CHECK(sigprocmask(SIG_BLOCK, 0, &none));
    EXPECT(sigismember(&none, SIGALRM));
    return 0;
}
