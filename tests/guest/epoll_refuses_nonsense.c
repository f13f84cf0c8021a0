/* epoll_ctl(2), epoll_wait(2): errors; EPOLLEXCLUSIVE; the wait limit and order of several descriptors. */
#include "guest.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
int main(void) {
    struct epoll_event event = {.events = EPOLLIN}, got[8];
    char path[64];
    int epoll = CHECK(epoll_create(1)), file = scratch(path), one = CHECK(eventfd(0, 0));
    CHECK(unlink(path));
    EXPECT_ERRNO(epoll_ctl(epoll, EPOLL_CTL_ADD, file, &event), EPERM);
    EXPECT_ERRNO(epoll_ctl(epoll, EPOLL_CTL_ADD, 99, &event), EBADF);
    EXPECT_ERRNO(epoll_ctl(99, EPOLL_CTL_ADD, one, &event), EBADF);
    EXPECT_ERRNO(epoll_ctl(one, EPOLL_CTL_ADD, epoll, &event), EINVAL);
    EXPECT_ERRNO(epoll_ctl(epoll, EPOLL_CTL_ADD, epoll, &event), EINVAL);
    EXPECT_ERRNO(epoll_ctl(epoll, 77, one, &event), EINVAL);
    EXPECT_ERRNO(epoll_ctl(epoll, EPOLL_CTL_MOD, one, &event), ENOENT);
    EXPECT_ERRNO(epoll_ctl(epoll, EPOLL_CTL_DEL, one, &event), ENOENT);
    EXPECT_ERRNO(syscall(SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, one, nowhere()), EFAULT);
    EXPECT_ERRNO(epoll_wait(epoll, got, 0, 0), EINVAL);
    EXPECT_ERRNO(epoll_wait(one, got, 1, 0), EINVAL);
    EXPECT_ERRNO(epoll_create(0), EINVAL);
    EXPECT_ERRNO(epoll_create1(1), EINVAL);
    event.events = EPOLLIN | EPOLLEXCLUSIVE;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, one, &event));
    EXPECT_ERRNO(epoll_ctl(epoll, EPOLL_CTL_ADD, one, &event), EEXIST);
    EXPECT_ERRNO(epoll_ctl(epoll, EPOLL_CTL_MOD, one, &event), EINVAL);
    for (int i = 0; i < 5; i++) {
        event = (struct epoll_event){.events = EPOLLIN, .data.fd = i};
        CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, CHECK(eventfd(1, 0)), &event));
    }
    EXPECT(CHECK(epoll_wait(epoll, got, 3, -1)) == 3 && CHECK(epoll_wait(epoll, got, 8, -1)) == 5);
    int seen = 0;
    for (int i = 0; i < 5; i++) seen |= 1 << got[i].data.fd;
    EXPECT(seen == 31);
    int64_t start = now_ns();
    CHECK(eventfd_write(one, 0));
    EXPECT(CHECK(epoll_wait(CHECK(epoll_create1(0)), got, 1, 15)) == 0 && now_ns() - start >= 15000000);
    return 0;
}
