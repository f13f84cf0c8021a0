/* elfuse: oracle=skip(qemu-user hands execveat to the host kernel) */
/* execveat(2): by descriptor, relative to a directory, through links; scripts see /dev/fd names. */
#include "guest.h"
extern char **environ;
static int run(int fd, const char *path, int flags) {
    char *arguments[] = {"zero", "child", 0};
    pid_t pid = CHECK(fork());
    if (!pid) { syscall(SYS_execveat, fd, path, arguments, environ, flags); _exit(errno); }
    return reap(pid);
}
int main(int argc, char **argv) {
    if (argc > 1) return strcmp(argv[argc - 1], "child") == 0 && strncmp(argv[1], "/dev/fd/", 8) == 0 ? 201 : 200;
    char self[4096] = {0};
    CHECK(readlink("/proc/self/exe", self, sizeof self - 1));
    int fd = CHECK(open(self, O_RDONLY | O_CLOEXEC)), path_fd = CHECK(open(self, O_PATH | O_CLOEXEC));
    EXPECT(run(fd, "", AT_EMPTY_PATH) == 200 && run(path_fd, "", AT_EMPTY_PATH) == 200);
    EXPECT(run(fd, "", 0) == ENOENT && run(77, "", AT_EMPTY_PATH) == EBADF && run(fd, "x", 0) == ENOTDIR);
    CHECK(symlink(self, "link"));
    int directory = CHECK(open(".", O_RDONLY | O_DIRECTORY));
    EXPECT(run(directory, "link", 0) == 200 && run(directory, "link", AT_SYMLINK_NOFOLLOW) == ELOOP);
    EXPECT(run(directory, "", AT_EMPTY_PATH) == EACCES && run(directory, "link", 0x4) == EINVAL);
    int script = CHECK(open("script", O_CREAT | O_WRONLY, 0700));
    dprintf(script, "#!%s\n", self);
    CHECK(close(script));
    script = CHECK(open("script", O_RDONLY));
    EXPECT(run(script, "", AT_EMPTY_PATH) == 201);
    CHECK(fcntl(script, F_SETFD, FD_CLOEXEC));
    EXPECT(run(script, "", AT_EMPTY_PATH) == ENOENT);
    CHECK(unlink("script"));
    CHECK(unlink("link"));
    return 0;
}
