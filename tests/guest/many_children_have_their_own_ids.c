/* fork(2), wait(2): twenty children at once, each reaped once, with its own number and status. */
#include "guest.h"
int main(void) {
    pid_t pids[20];
    int ends[2], seen[20] = {0}, status;
    CHECK(pipe(ends));
    for (int i = 0; i < 20; i++)
        if (!(pids[i] = CHECK(fork()))) {
            char byte;
            close(ends[1]);
            CHECK(read(ends[0], &byte, 1));
            _exit(i);
        }
    CHECK(close(ends[1]));
    for (int i = 0; i < 20; i++) {
        pid_t pid = CHECK(wait(&status));
        int which = WEXITSTATUS(status);
        EXPECT(WIFEXITED(status) && pids[which] == pid && !seen[which]++);
    }
    EXPECT_ERRNO(wait(&status), ECHILD);
    return 0;
}
