/* mmap(2): SIGBUS BUS_ADRERR on pages wholly past the end of the file; the rest of the last page is zero. */
#include "fault.h"
int main(void) {
    char path[64];
    int fd = scratch(path);
    CHECK(unlink(path));
    CHECK(ftruncate(fd, 4096 + 100));
    catch_faults();
    for (int shared = 0; shared < 2; shared++) {
        char *p = mmap(0, 4 * 4096, PROT_READ | PROT_WRITE, shared ? MAP_SHARED : MAP_PRIVATE, fd, 0);
        EXPECT(p != MAP_FAILED);
        EXPECT(FAULT(LOAD(p + 4096 + 4095)) == 0 && p[4096 + 4095] == 0);
        EXPECT_FAULT(LOAD(p + 2 * 4096 + 7), SIGBUS, BUS_ADRERR, p + 2 * 4096 + 7);
        EXPECT_FAULT(STORE(p + 3 * 4096), SIGBUS, BUS_ADRERR, p + 3 * 4096);
        EXPECT_ERRNO(write(fd, p + 2 * 4096, 1), EFAULT);
        CHECK(munmap(p, 4 * 4096));
    }
    return 0;
}
