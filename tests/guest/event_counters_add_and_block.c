/* elfuse: threads */
/* eventfd(2): counters and semaphores, limits, blocking both ways, shared after fork. */
#include "guest.h"
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
static void *drain(void *fd) {
    eventfd_t value;
    nap(15);
    CHECK(eventfd_read((int)(long)fd, &value));
    return (void *)(value == UINT64_MAX - 1);
}
int main(void) {
    eventfd_t value;
    char small[4];
    int counter = CHECK(eventfd(3, EFD_NONBLOCK)), semaphore = CHECK(eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC));
    CHECK(eventfd_write(counter, 4));
    EXPECT(eventfd_read(counter, &value) == 0 && value == 7);
    EXPECT_ERRNO(eventfd_read(counter, &value), EAGAIN);
    for (int i = 0; i < 2; i++) EXPECT(eventfd_read(semaphore, &value) == 0 && value == 1);
    EXPECT_ERRNO(eventfd_read(semaphore, &value), EAGAIN);
    CHECK(eventfd_write(counter, UINT64_MAX - 1));
    EXPECT_ERRNO(eventfd_write(counter, 1), EAGAIN);
    EXPECT_ERRNO(eventfd_write(counter, UINT64_MAX), EINVAL);
    EXPECT_ERRNO(read(counter, small, 4), EINVAL);
    struct pollfd watched = {counter, POLLIN | POLLOUT, 0};
    EXPECT(CHECK(poll(&watched, 1, 0)) == 1 && watched.revents == POLLIN);
    CHECK(fcntl(counter, F_SETFL, 0));
    pthread_t thread;
    void *right;
    EXPECT(pthread_create(&thread, 0, drain, (void *)(long)counter) == 0);
    CHECK(eventfd_write(counter, 5));
    EXPECT(pthread_join(thread, &right) == 0 && right && eventfd_read(counter, &value) == 0 && value == 5);
    pid_t pid = CHECK(fork());
    if (!pid) { nap(10); CHECK(eventfd_write(counter, 9)); _exit(0); }
    EXPECT(eventfd_read(counter, &value) == 0 && value == 9 && reap(pid) == 0);
    EXPECT_ERRNO(eventfd(0, 0x100), EINVAL);
    return 0;
}
