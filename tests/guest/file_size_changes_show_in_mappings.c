/* mmap(2), ftruncate(2): pages of a mapping come and go with the size of the file. */
#include "fault.h"
int main(void) {
    char path[64], byte;
    int fd = scratch(path);
    CHECK(unlink(path));
    char *p = mmap(0, 2 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    EXPECT(p != MAP_FAILED);
    catch_faults();
    EXPECT_FAULT(LOAD(p), SIGBUS, BUS_ADRERR, p);
    CHECK(ftruncate(fd, 2 * 4096));
    EXPECT(FAULT(STORE(p + 4096)) == 0);
    EXPECT(CHECK(pread(fd, &byte, 1, 4096)) == 1 && byte == 1);
    CHECK(ftruncate(fd, 4096));
    EXPECT_FAULT(LOAD(p + 4096), SIGBUS, BUS_ADRERR, p + 4096);
    CHECK(ftruncate(fd, 2 * 4096));
    EXPECT(FAULT(LOAD(p + 4096)) == 0 && p[4096] == 0);
    return 0;
}
