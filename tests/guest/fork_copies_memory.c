/* fork(2): private memory is copied, shared memory and file offsets are not. */
#include "guest.h"
int main(void) {
    int private = 1;
    int *shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    EXPECT(shared != MAP_FAILED);
    char path[64];
    int fd = scratch(path);
    CHECK(unlink(path));
    CHECK(write(fd, "0123456789", 10));
    CHECK(lseek(fd, 2, SEEK_SET));
    pid_t parent = getpid(), pid = CHECK(fork());
    if (!pid) {
        EXPECT(getppid() == parent && getpid() != parent);
        private = 2;
        *shared = 3;
        CHECK(lseek(fd, 3, SEEK_CUR));
        _exit(9);
    }
    EXPECT(reap(pid) == 9);
    EXPECT(private == 1 && *shared == 3);
    EXPECT(lseek(fd, 0, SEEK_CUR) == 5);
    EXPECT_ERRNO(waitpid(-1, 0, 0), ECHILD);
    return 0;
}
