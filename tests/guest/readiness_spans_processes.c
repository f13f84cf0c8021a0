/* fork(2): parent and child wait on one pipe, one eventfd and one epoll instance's descriptors; each is woken. */
#include "guest.h"
#include <poll.h>
#include <sys/epoll.h>
int main(void) {
    int ends[2], back[2];
    char byte;
    CHECK(pipe(ends));
    CHECK(pipe(back));
    int epoll = CHECK(epoll_create1(0));
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &(struct epoll_event){.events = EPOLLIN}));
    pid_t pids[2];
    for (int i = 0; i < 2; i++)
        if (!(pids[i] = CHECK(fork()))) {
            struct pollfd watched = {ends[0], POLLIN, 0};
            struct epoll_event event;
            EXPECT(CHECK(i ? poll(&watched, 1, 5000) : epoll_wait(epoll, &event, 1, 5000)) == 1);
            CHECK(write(back[1], "r", 1));
            pause();
        }
    nap(10);
    CHECK(write(ends[1], "x", 1));
    for (int i = 0; i < 2; i++) CHECK(read(back[0], &byte, 1));
    EXPECT(CHECK(read(ends[0], &byte, 1)) == 1);
    for (int i = 0; i < 2; i++) { CHECK(kill(pids[i], SIGKILL)); EXPECT(reap_signal(pids[i]) == SIGKILL); }
    return 0;
}
