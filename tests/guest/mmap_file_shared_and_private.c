/* mmap(2): shared file mappings write through, private ones do not. */
#include "guest.h"
int main(void) {
    char path[64], buffer[8] = {0};
    int fd = scratch(path);
    CHECK(unlink(path));
    CHECK(ftruncate(fd, 8192));
    char *shared = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *private = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 4096);
    EXPECT(shared != MAP_FAILED && private != MAP_FAILED);
    strcpy(shared, "seen");
    strcpy(private, "mine");
    EXPECT(pread(fd, buffer, 5, 0) == 5 && strcmp(buffer, "seen") == 0);
    EXPECT(pread(fd, buffer, 5, 4096) == 5 && buffer[0] == 0);
    CHECK(pwrite(fd, "x", 1, 1));
    EXPECT(shared[1] == 'x');
    CHECK(msync(shared, 8192, MS_SYNC));
    int readonly = CHECK(open("/proc/self/exe", O_RDONLY));
    EXPECT_ERRNO(mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, readonly, 0), EACCES);
    return 0;
}
