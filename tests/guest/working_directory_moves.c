/* chdir(2), getcwd(2): shared by threads, copied by fork, kept when renamed, ENOENT when removed. */
#include "guest.h"
int main(void) {
    char start[4096], now[4096], wanted[4200];
    EXPECT(getcwd(start, sizeof start));
    CHECK(mkdir("one", 0700));
    CHECK(mkdir("one/two", 0700));
    CHECK(symlink("one/two", "link"));
    CHECK(chdir("link"));
    sprintf(wanted, "%s/one/two", start);
    EXPECT(getcwd(now, sizeof now) && strcmp(now, wanted) == 0);
    CHECK(chdir(".."));
    int back = CHECK(open(start, O_RDONLY));
    pid_t pid = CHECK(fork());
    if (!pid) { CHECK(chdir("/")); _exit(0); }
    EXPECT(reap(pid) == 0 && getcwd(now, sizeof now) && strcmp(now + strlen(start), "/one") == 0);
    CHECK(renameat(back, "one", back, "other"));
    EXPECT(getcwd(now, sizeof now) && strcmp(now + strlen(start), "/other") == 0);
    EXPECT_ERRNO(syscall(SYS_getcwd, now, 3), ERANGE);
    CHECK(chdir("two"));
    CHECK(unlinkat(back, "other/two", AT_REMOVEDIR));
    EXPECT_ERRNO(syscall(SYS_getcwd, now, sizeof now), ENOENT);
    EXPECT_ERRNO(open("x", O_CREAT | O_RDWR, 0600), ENOENT);
    EXPECT(CHECK(open(".", O_RDONLY)) > 0);
    CHECK(fchdir(back));
    EXPECT_ERRNO(chdir("missing"), ENOENT);
    close(CHECK(open("file", O_CREAT | O_WRONLY, 0600)));
    EXPECT_ERRNO(chdir("file"), ENOTDIR);
    EXPECT_ERRNO(fchdir(CHECK(open("file", O_RDONLY))), ENOTDIR);
    unlink("file"); unlink("link"); CHECK(rmdir("other"));
    return 0;
}
