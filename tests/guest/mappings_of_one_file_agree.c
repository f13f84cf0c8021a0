/* mmap(2), msync(2): shared mappings at several offsets, read and write all see one content. */
#include "guest.h"
int main(void) {
    char path[64], text[8] = {0};
    int fd = scratch(path), other = CHECK(open(path, O_RDWR));
    CHECK(unlink(path));
    CHECK(ftruncate(fd, 3 * 4096));
    char *whole = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *second = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, other, 4096);
    char *private = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 4096);
    EXPECT(whole != MAP_FAILED && second != MAP_FAILED && private != MAP_FAILED);
    memcpy(whole + 4096, "one", 3);
    EXPECT(memcmp(second, "one", 3) == 0 && CHECK(pread(other, text, 3, 4096)) == 3 && strcmp(text, "one") == 0);
    CHECK(pwrite(fd, "two", 3, 4096));
    EXPECT(memcmp(second, "two", 3) == 0 && memcmp(whole + 4096, "two", 3) == 0);
    private[0] = 'T';
    CHECK(pwrite(fd, "xyz", 3, 4096));
    EXPECT(memcmp(private, "Two", 3) == 0 && memcmp(second, "xyz", 3) == 0);
    CHECK(msync(whole, 3 * 4096, MS_SYNC));
    CHECK(msync(whole, 4096, MS_ASYNC | MS_INVALIDATE));
    EXPECT_ERRNO(msync(whole + 1, 4096, MS_SYNC), EINVAL);
    EXPECT_ERRNO(msync(whole, 4096, MS_SYNC | MS_ASYNC), EINVAL);
    CHECK(munmap(second, 4096));
    EXPECT_ERRNO(msync(second, 4096, MS_SYNC), ENOMEM);
    return 0;
}
