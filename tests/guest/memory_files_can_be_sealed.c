/* memfd_create(2), fcntl(2): seals against writing, growing, shrinking and sealing. */
#include "guest.h"
int main(void) {
    int fd = CHECK(memfd_create("name", MFD_CLOEXEC | MFD_ALLOW_SEALING)), plain = CHECK(memfd_create("plain", 0));
    EXPECT(fcntl(fd, F_GETFD) == FD_CLOEXEC && fcntl(fd, F_GET_SEALS) == 0 && fcntl(plain, F_GET_SEALS) == F_SEAL_SEAL);
    CHECK(ftruncate(fd, 4096));
    CHECK(pwrite(fd, "data", 4, 0));
    CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW));
    EXPECT_ERRNO(ftruncate(fd, 100), EPERM);
    EXPECT_ERRNO(ftruncate(fd, 8192), EPERM);
    EXPECT_ERRNO(pwrite(fd, "x", 1, 4096), EPERM);
    char *shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    EXPECT(shared != MAP_FAILED);
    EXPECT_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
    CHECK(munmap(shared, 4096));
    CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    EXPECT_ERRNO(write(fd, "x", 1), EPERM);
    EXPECT(mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EPERM);
    /* Kernels before 6.7 refuse this too. */
    char *readable = mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 0);
    if (readable != MAP_FAILED) EXPECT_ERRNO(mprotect(readable, 4096, PROT_READ | PROT_WRITE), EACCES);
    char *private = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    EXPECT(private != MAP_FAILED && memcmp(private, "data", 4) == 0);
    private[0] = 'D';
    CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
    EXPECT_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM);
    EXPECT(fcntl(fd, F_GET_SEALS) == (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL));
    EXPECT_ERRNO(fcntl(plain, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
    EXPECT_ERRNO(fcntl(0, F_GET_SEALS), EINVAL);
    EXPECT_ERRNO(memfd_create("x", 0x1000), EINVAL);
    struct stat status;
    CHECK(fstat(plain, &status));
    EXPECT(S_ISREG(status.st_mode) && status.st_nlink == 0 && status.st_size == 0);
    return 0;
}
