/* execve(2): errors leave the caller running. */
#include "guest.h"
int main(void) {
    char path[64], *args[] = {path, 0};
    int fd = scratch(path);
    EXPECT_ERRNO(execv("/nonexistent/program", args), ENOENT);
    EXPECT_ERRNO(execv("/tmp", args), EACCES);
    CHECK(write(fd, "\177ELF\2\1\1garbage", 14));
    close(fd);
    EXPECT_ERRNO(execv(path, args), EACCES);
    CHECK(chmod(path, 0700));
    EXPECT_ERRNO(execv(path, args), ENOEXEC);
    CHECK(truncate(path, 0));
    EXPECT_ERRNO(execv(path, args), ENOEXEC);
    fd = CHECK(open(path, O_WRONLY));
    CHECK(write(fd, "#!/nonexistent\n", 15));
    close(fd);
    EXPECT_ERRNO(execv(path, args), ENOENT);
    CHECK(unlink(path));
    return 0;
}
