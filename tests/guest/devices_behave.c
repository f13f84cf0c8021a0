/* null(4), full(4), random(4): memory devices. */
#include "guest.h"
int main(void) {
    char buffer[16];
    memset(buffer, 1, sizeof buffer);
    int null = CHECK(open("/dev/null", O_RDWR)), zero = CHECK(open("/dev/zero", O_RDWR));
    int full = CHECK(open("/dev/full", O_RDWR)), random = CHECK(open("/dev/urandom", O_RDONLY));
    EXPECT(read(null, buffer, 16) == 0 && write(null, buffer, 16) == 16);
    EXPECT(read(zero, buffer, 16) == 16 && buffer[0] == 0 && buffer[15] == 0);
    EXPECT_ERRNO(write(full, buffer, 1), ENOSPC);
    EXPECT(read(random, buffer, 16) == 16);
    char *pages = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0);
    EXPECT(pages != MAP_FAILED && pages[100] == 0);
    pages[100] = 1;
    struct stat status;
    CHECK(stat("/dev/null", &status));
    EXPECT(S_ISCHR(status.st_mode) && status.st_rdev == 0x103);
    return 0;
}
