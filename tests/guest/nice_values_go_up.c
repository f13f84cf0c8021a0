/* nice(2), getpriority(2): a process may become nicer; children inherit; the raw call answers 20 - nice. */
#include "guest.h"
#include <sys/resource.h>
int main(void) {
    errno = 0;
    int before = getpriority(PRIO_PROCESS, 0);
    EXPECT(errno == 0);
    pid_t pid = CHECK(fork());
    if (!pid) {
        int wanted = before + 2 > 19 ? 19 : before + 2;
        CHECK(setpriority(PRIO_PROCESS, 0, wanted));
        EXPECT(getpriority(PRIO_PROCESS, getpid()) == wanted);
        EXPECT(syscall(SYS_getpriority, PRIO_PROCESS, 0) == 20 - wanted);
        pid_t inner = CHECK(fork());
        if (!inner) _exit(getpriority(PRIO_PROCESS, 0) == wanted ? 0 : 1);
        EXPECT(reap(inner) == 0);
        EXPECT_ERRNO(setpriority(7, 0, 0), EINVAL);
        EXPECT_ERRNO(getpriority(PRIO_PROCESS, 0x3ffffffe), ESRCH);
        _exit(0);
    }
    EXPECT(reap(pid) == 0 && getpriority(PRIO_PROCESS, 0) == before);
    return 0;
}
