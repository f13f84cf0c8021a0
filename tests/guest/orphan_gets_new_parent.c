/* getppid(2): a child whose parent has ended has another parent. */
#include "guest.h"
int main(void) {
    int ends[2];
    CHECK(pipe(ends));
    pid_t middle = CHECK(fork());
    if (!middle) {
        pid_t mine = getpid();
        if (!fork()) {
            for (int i = 0; i < 500 && getppid() == mine; i++) usleep(2000);
            char answer = getppid() != mine;
            CHECK(write(ends[1], &answer, 1));
            _exit(0);
        }
        _exit(0);
    }
    EXPECT(reap(middle) == 0);
    char answer = 0;
    EXPECT(read(ends[0], &answer, 1) == 1 && answer == 1);
    return 0;
}
