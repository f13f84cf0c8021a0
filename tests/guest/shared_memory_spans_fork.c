/* mmap(2): MAP_SHARED memory, anonymous or of a file, is one memory for parent, child and grandchild. */
#include "guest.h"
int main(void) {
    char path[64];
    int fd = scratch(path);
    CHECK(unlink(path));
    CHECK(ftruncate(fd, 8192));
    volatile int *anonymous = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    volatile int *file = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    EXPECT(anonymous != MAP_FAILED && file != MAP_FAILED);
    anonymous[0] = 1;
    pid_t pid = CHECK(fork());
    if (!pid) {
        EXPECT(anonymous[0] == 1);
        anonymous[1024] = 2;
        if (!CHECK(fork())) {
            EXPECT(anonymous[1024] == 2);
            file[0] = 3;
            anonymous[1] = 4;
            int late = CHECK(pwrite(fd, "zz", 2, 4096));
            _exit(late != 2);
        }
        int status;
        CHECK(wait(&status));
        _exit(status != 0);
    }
    EXPECT(reap(pid) == 0);
    EXPECT(anonymous[1024] == 2 && anonymous[1] == 4 && file[0] == 3 && file[1024] == 0x7a7a);
    return 0;
}
