/* pselect(2), ppoll(2), epoll_pwait(2): a signal blocked outside is delivered inside, and the mask is back after. */
#include "guest.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
static volatile int hits;
static void handler(int signo) { (void)signo; hits++; }
int main(void) {
    sigset_t blocked, none, now;
    struct epoll_event event;
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    on_signal(SIGUSR1, handler, SA_RESTART);
    CHECK(sigprocmask(SIG_SETMASK, &blocked, 0));
    int epoll = CHECK(epoll_create1(0));
    for (int i = 1; i <= 3; i++) {
        raise(SIGUSR1);
        EXPECT(hits == i - 1);
        if (i == 1) EXPECT_ERRNO(pselect(0, 0, 0, 0, 0, &none), EINTR);
        if (i == 2) EXPECT_ERRNO(ppoll(0, 0, 0, &none), EINTR);
        if (i == 3) EXPECT_ERRNO(epoll_pwait(epoll, &event, 1, -1, &none), EINTR);
        EXPECT(hits == i);
        CHECK(sigprocmask(0, 0, &now));
        EXPECT(sigismember(&now, SIGUSR1));
    }
    return 0;
}
