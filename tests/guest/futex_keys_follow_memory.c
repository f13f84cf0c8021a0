/* futex(2): a file mapped in two places is one futex; private operations on shared memory know the address only. */
#include "guest.h"
#include <linux/futex.h>
int main(void) {
    char path[64];
    int fd = scratch(path);
    CHECK(ftruncate(fd, 8192));
    uint32_t *first = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    EXPECT(first != MAP_FAILED);
    pid_t pid = CHECK(fork());
    if (!pid) {
        int again = CHECK(open(path, O_RDWR));
        uint32_t *second = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, again, 4096);
        EXPECT(second != MAP_FAILED && second != first + 1024);
        CHECK(munmap(first, 8192));
        while (*(volatile uint32_t *)second == 0) syscall(SYS_futex, second, FUTEX_WAIT, 0, 0, 0, 0);
        _exit((int)*second);
    }
    for (int i = 0; i < 1000; i++) {
        if (syscall(SYS_futex, first + 1024, FUTEX_CMP_REQUEUE, 0, 100L, first + 1024, 0) > 0) break;
        usleep(2000);
    }
    EXPECT(CHECK(syscall(SYS_futex, first, FUTEX_WAKE, 9, 0, 0, 0)) == 0);
    first[1024] = 33;
    EXPECT(CHECK(syscall(SYS_futex, first + 1024, FUTEX_WAKE, 9, 0, 0, 0)) == 1);
    EXPECT(reap(pid) == 33);
    CHECK(unlink(path));
    return 0;
}
