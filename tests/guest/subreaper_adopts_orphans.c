/* elfuse: oracle=skip(qemu-user 7.2 refuses PR_SET_CHILD_SUBREAPER) */
/* prctl(2): PR_SET_CHILD_SUBREAPER makes the nearest such ancestor the parent of orphans. */
#include "guest.h"
#include <sys/prctl.h>
int main(void) {
    int on = 0, ends[2];
    char byte;
    CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1));
    CHECK(prctl(PR_GET_CHILD_SUBREAPER, &on));
    EXPECT(on == 1);
    CHECK(pipe(ends));
    pid_t reaper = getpid(), middle = CHECK(fork());
    if (!middle) {
        pid_t parent = getpid();
        if (!CHECK(fork())) {
            CHECK(read(ends[0], &byte, 1));
            for (int i = 0; i < 500 && getppid() == parent; i++) nap(2);
            _exit(getppid() == reaper ? 21 : 22);
        }
        _exit(0);
    }
    EXPECT(reap(middle) == 0);
    CHECK(write(ends[1], "x", 1));
    int status;
    EXPECT(CHECK(wait(&status)) != middle && WEXITSTATUS(status) == 21);
    return 0;
}
