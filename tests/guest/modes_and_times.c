/* chmod(2), umask(2), utimensat(2), access(2). */
#include "guest.h"
int main(void) {
    char path[64];
    close(scratch(path));
    struct stat status;
    CHECK(chmod(path, 0751));
    CHECK(stat(path, &status));
    EXPECT((status.st_mode & 07777) == 0751);
    struct timespec times[2] = {{1000, 5}, {2000, 0}};
    CHECK(utimensat(AT_FDCWD, path, times, 0));
    CHECK(stat(path, &status));
    EXPECT(status.st_atim.tv_sec == 1000 && status.st_mtim.tv_sec == 2000);
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_nsec = UTIME_NOW;
    CHECK(utimensat(AT_FDCWD, path, times, 0));
    CHECK(stat(path, &status));
    EXPECT(status.st_atim.tv_sec == 1000 && status.st_mtim.tv_sec > 2000);
    EXPECT(umask(027) != 027 || 1);
    CHECK(unlink(path));
    close(CHECK(open(path, O_CREAT | O_WRONLY, 0666)));
    CHECK(stat(path, &status));
    EXPECT((status.st_mode & 0777) == 0640);
    EXPECT(access(path, R_OK) == 0);
    CHECK(unlink(path));
    EXPECT_ERRNO(access(path, F_OK), ENOENT);
    return 0;
}
