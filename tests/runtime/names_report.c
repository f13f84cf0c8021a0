/* Prints what calls on names say of the paths it reads, one per line, after what argv[1] names. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void result(const char *call, long returned)
{
    printf(" %s=%s", call, returned < 0 ? strerrorname_np(errno) : "ok");
}

static void show(const char *call, long returned, const struct stat *found)
{
    result(call, returned);
    if (returned < 0) return;
    // Directories change by what is made here; what is mounted, behind device 2, is made by the run.
    struct timespec times[2] = {found->st_mtim, found->st_ctim};
    if (S_ISDIR(found->st_mode) || found->st_dev > 2) memset(times, 0, sizeof times);
    printf("(%lx %lx %o %lu %u %u %lx %ld %ld %ld %ld.%ld %ld.%ld)", found->st_dev, found->st_ino,
           found->st_mode, (unsigned long)found->st_nlink, found->st_uid, found->st_gid,
           found->st_rdev, found->st_size, (long)found->st_blksize, found->st_blocks,
           times[0].tv_sec, times[0].tv_nsec, times[1].tv_sec, times[1].tv_nsec);
}

static void report(const char *path)
{
    struct stat found;
    char target[64];
    memset(&found, 0, sizeof found);
    printf("%s:", path);
    show("stat", syscall(SYS_newfstatat, AT_FDCWD, path, &found, 0), &found);
    show("lstat", syscall(SYS_newfstatat, AT_FDCWD, path, &found, AT_SYMLINK_NOFOLLOW), &found);
    for (int mode = 0; mode < 8; mode++)
        result("access", syscall(SYS_faccessat, AT_FDCWD, path, mode));
    result("eaccess", syscall(SYS_faccessat2, AT_FDCWD, path, F_OK, AT_EACCESS));
    result("eaccess", syscall(SYS_faccessat2, AT_FDCWD, path, X_OK, AT_EACCESS));
    result("laccess", syscall(SYS_faccessat2, AT_FDCWD, path, R_OK, AT_SYMLINK_NOFOLLOW));
    long length = syscall(SYS_readlinkat, AT_FDCWD, path, target, sizeof target);
    result("readlink", length);
    if (length > 0) printf("(%.*s)", (int)length, target);
    result("short", syscall(SYS_readlinkat, AT_FDCWD, path, target, 1));
    result("none", syscall(SYS_readlinkat, AT_FDCWD, path, target, 0));
    int fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
    result("open", fd);
    if (fd >= 0) {
        show("fstat", syscall(SYS_fstat, fd, &found), &found);
        show("fstatat", syscall(SYS_newfstatat, fd, "", &found, AT_EMPTY_PATH), &found);
        result("write", syscall(SYS_fstat, fd, (void *)8));
        char link[32], place[4096];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        long end = syscall(SYS_readlinkat, AT_FDCWD, link, place, sizeof place);
        if (end > 0 && found.st_dev <= 2) printf(" place=%.*s", (int)end, place);
        close(fd);
    }
    result("nofollow", close(syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0)));
    result("directory", close(syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_DIRECTORY, 0)));
    fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL, 0600);
    result("create", fd);
    if (fd >= 0) {
        close(fd);
        result("found", syscall(SYS_faccessat, AT_FDCWD, path, F_OK));
        result("remove", unlink(path));
        result("gone", syscall(SYS_faccessat, AT_FDCWD, path, F_OK));
    }
    if (path[0] == '/') {
        char place[4096];
        result("chdir", chdir(path));
        if (syscall(SYS_getcwd, place, sizeof place) > 0) printf("(%s)", place);
    }
    result("pointer", syscall(SYS_newfstatat, AT_FDCWD, path, (void *)8, 0));
    printf("\n");
}

int main(int argc, char **argv)
{
    char path[8192];
    if (argc < 2) return 1;
    if (strcmp(argv[1], "user") == 0 && setresuid(4711, 4711, 4711)) return 2;
    if (strcmp(argv[1], "fsuid") == 0 && syscall(SYS_setfsuid, 4711) < 0) return 2;
    if (strcmp(argv[1], "chroot") == 0 && (chroot(argv[2]) || chdir("/"))) return 2;
    while (fgets(path, sizeof path, stdin)) {
        path[strcspn(path, "\n")] = 0;
        report(path);
    }
    if (syscall(SYS_newfstatat, AT_FDCWD, (void *)8, path, 0) != -1 || errno != EFAULT) return 3;
    if (syscall(SYS_faccessat, AT_FDCWD, (void *)-1L, 0) != -1 || errno != EFAULT) return 4;
    return 0;
}
