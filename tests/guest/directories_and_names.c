/* mkdir(2), rename(2), unlink(2), link(2), symlink(2), getdents64(2). */
#include "guest.h"
#include <dirent.h>
int main(void) {
    char top[] = "/tmp/guest-XXXXXX", target[16] = {0};
    EXPECT(mkdtemp(top) != 0);
    CHECK(chdir(top));
    CHECK(mkdir("d", 0755));
    EXPECT_ERRNO(mkdir("d", 0755), EEXIST);
    close(CHECK(open("d/f", O_CREAT | O_WRONLY, 0640)));
    EXPECT_ERRNO(open("d/f", O_CREAT | O_EXCL | O_WRONLY, 0640), EEXIST);
    EXPECT_ERRNO(rmdir("d"), ENOTEMPTY);
    EXPECT_ERRNO(unlink("d"), EISDIR);
    CHECK(link("d/f", "hard"));
    struct stat status;
    CHECK(stat("hard", &status));
    EXPECT(status.st_nlink == 2 && (status.st_mode & 0777) == 0640);
    CHECK(symlink("d/f", "soft"));
    EXPECT(readlink("soft", target, sizeof target) == 3 && strcmp(target, "d/f") == 0);
    CHECK(lstat("soft", &status));
    EXPECT(S_ISLNK(status.st_mode));
    EXPECT_ERRNO(open("soft", O_RDONLY | O_NOFOLLOW), ELOOP);
    CHECK(symlink("loop", "loop"));
    EXPECT_ERRNO(stat("loop", &status), ELOOP);
    CHECK(rename("d", "e"));
    EXPECT_ERRNO(rename("e", "e/inside"), EINVAL);
    EXPECT_ERRNO(syscall(SYS_renameat2, AT_FDCWD, "hard", AT_FDCWD, "soft", 1), EEXIST);
    CHECK(syscall(SYS_renameat2, AT_FDCWD, "hard", AT_FDCWD, "loop", 2));
    CHECK(lstat("hard", &status));
    EXPECT(S_ISLNK(status.st_mode));
    EXPECT_ERRNO(stat("e/f/x", &status), ENOTDIR);
    EXPECT_ERRNO(stat("", &status), ENOENT);
    int names = 0;
    DIR *directory = opendir(".");
    for (struct dirent *entry; (entry = readdir(directory));) {
        names++;
        if (strcmp(entry->d_name, "e") == 0) EXPECT(entry->d_type == DT_DIR);
    }
    closedir(directory);
    EXPECT(names == 6);
    char cwd[256];
    CHECK(chdir("e"));
    EXPECT(getcwd(cwd, sizeof cwd) != 0 && strcmp(strrchr(cwd, '/'), "/e") == 0);
    EXPECT_ERRNO(syscall(SYS_getcwd, cwd, 2), ERANGE);
    CHECK(chdir(".."));
    unlink("e/f"); unlink("hard"); unlink("soft"); unlink("loop"); rmdir("e");
    CHECK(rmdir(top));
    EXPECT_ERRNO(syscall(SYS_getcwd, cwd, sizeof cwd), ENOENT);
    return 0;
}
