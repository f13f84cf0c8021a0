/* signal(7): SA_RESTART continues read and wait, not nanosleep, poll or sigsuspend. */
#include "guest.h"
#include <poll.h>
static volatile int hits;
static void handler(int signo) { (void)signo; hits++; }
static void in_a_moment(void) {
    struct itimerval timer = {.it_value = {0, 20000}};
    CHECK(setitimer(ITIMER_REAL, &timer, 0));
}
int main(void) {
    int ends[2];
    char byte;
    CHECK(pipe(ends));
    struct sigaction action = {.sa_handler = handler};
    sigaction(SIGALRM, &action, 0);
    in_a_moment();
    EXPECT_ERRNO(read(ends[0], &byte, 1), EINTR);
    action.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &action, 0);
    pid_t pid = CHECK(fork());
    if (!pid) { usleep(60000); CHECK(write(ends[1], "x", 1)); _exit(0); }
    in_a_moment();
    EXPECT(read(ends[0], &byte, 1) == 1 && byte == 'x');
    EXPECT(reap(pid) == 0);
    struct timespec second = {1, 0}, left;
    in_a_moment();
    EXPECT_ERRNO(nanosleep(&second, &left), EINTR);
    EXPECT(left.tv_sec == 0 && left.tv_nsec > 500000000);
    in_a_moment();
    struct pollfd watched = {ends[0], POLLIN, 0};
    EXPECT_ERRNO(poll(&watched, 1, 1000), EINTR);
    sigset_t none;
    sigemptyset(&none);
    in_a_moment();
    EXPECT_ERRNO(sigsuspend(&none), EINTR);
    EXPECT(hits == 5);
    return 0;
}
