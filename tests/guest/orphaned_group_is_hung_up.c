/* setpgid(2), POSIX: a stopped group that loses its last tie to the session gets SIGHUP and SIGCONT. */
#include "guest.h"
static int ends[2];
static void on_hangup(int signo) { (void)signo; CHECK(write(ends[1], "h", 1)); }
static void on_continue(int signo) { (void)signo; CHECK(write(ends[1], "c", 1)); }
int main(void) {
    CHECK(pipe(ends));
    pid_t middle = CHECK(fork());
    if (!middle) {
        pid_t pid = CHECK(fork());
        if (!pid) {
            on_signal(SIGHUP, on_hangup, 0);
            on_signal(SIGCONT, on_continue, 0);
            CHECK(setpgid(0, 0));
            raise(SIGSTOP);
            _exit(0);
        }
        CHECK(waitpid(pid, 0, WUNTRACED));
        _exit(0);
    }
    EXPECT(reap(middle) == 0);
    CHECK(close(ends[1]));
    char text[8];
    int count = 0;
    for (long got; (got = CHECK(read(ends[0], text + count, 8 - count))) > 0;) count += got;
    EXPECT(count == 2 && memchr(text, 'h', 2) && memchr(text, 'c', 2));
    return 0;
}
