/* eventfd(2), timerfd_create(2), signalfd(2), memfd_create(2). */
#include "guest.h"
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
int main(void) {
    uint64_t value = 5;
    int event = CHECK(eventfd(2, EFD_NONBLOCK));
    CHECK(write(event, &value, 8));
    EXPECT(read(event, &value, 8) == 8 && value == 7);
    EXPECT_ERRNO(read(event, &value, 8), EAGAIN);
    EXPECT_ERRNO(read(event, &value, 4), EINVAL);
    int semaphore = CHECK(eventfd(2, EFD_SEMAPHORE));
    EXPECT(read(semaphore, &value, 8) == 8 && value == 1);
    int timer = CHECK(timerfd_create(CLOCK_MONOTONIC, 0));
    struct itimerspec spec = {.it_interval = {0, 5000000}, .it_value = {0, 5000000}};
    CHECK(timerfd_settime(timer, 0, &spec, 0));
    usleep(25000);
    EXPECT(read(timer, &value, 8) == 8 && value >= 2);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, 0);
    int signals = CHECK(signalfd(-1, &set, 0));
    raise(SIGUSR1);
    struct signalfd_siginfo info;
    EXPECT(read(signals, &info, sizeof info) == sizeof info && info.ssi_signo == SIGUSR1);
    int memory = CHECK(memfd_create("name", MFD_ALLOW_SEALING));
    CHECK(ftruncate(memory, 100));
    CHECK(fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK));
    EXPECT(fcntl(memory, F_GET_SEALS) == F_SEAL_SHRINK);
    EXPECT_ERRNO(ftruncate(memory, 10), EPERM);
    return 0;
}
