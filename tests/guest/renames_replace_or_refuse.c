/* rename(2), renameat2(2): files over files, directories over empty ones, NOREPLACE, EXCHANGE, errors. */
#include "guest.h"
static ino_t number(const char *path) { struct stat s; CHECK(lstat(path, &s)); return s.st_ino; }
static int rename2(const char *from, const char *to, unsigned flags) { return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags); }
int main(void) {
    close(CHECK(open("a", O_CREAT | O_WRONLY, 0600)));
    close(CHECK(open("b", O_CREAT | O_WRONLY, 0600)));
    CHECK(mkdir("d", 0700));
    CHECK(mkdir("e", 0700));
    close(CHECK(open("d/inside", O_CREAT | O_WRONLY, 0600)));
    ino_t a = number("a"), b = number("b"), d = number("d");
    CHECK(rename2("a", "b", RENAME_EXCHANGE));
    EXPECT(number("a") == b && number("b") == a);
    CHECK(rename2("a", "d", RENAME_EXCHANGE));
    EXPECT(number("d") == b && number("a") == d && access("a/inside", F_OK) == 0);
    CHECK(rename2("a", "d", RENAME_EXCHANGE));
    EXPECT_ERRNO(rename2("a", "b", RENAME_NOREPLACE), EEXIST);
    EXPECT_ERRNO(rename2("a", "missing", RENAME_EXCHANGE), ENOENT);
    EXPECT_ERRNO(rename2("a", "b", RENAME_NOREPLACE | RENAME_EXCHANGE), EINVAL);
    CHECK(rename2("a", "c", RENAME_NOREPLACE));
    CHECK(rename("c", "b"));
    EXPECT(number("b") == b && access("c", F_OK) == -1);
    CHECK(rename("d", "e"));
    EXPECT(number("e") == d && access("e/inside", F_OK) == 0);
    CHECK(mkdir("full", 0700));
    EXPECT_ERRNO(rename("full", "e"), ENOTEMPTY);
    EXPECT_ERRNO(rename("b", "e"), EISDIR);
    EXPECT_ERRNO(rename("e", "b"), ENOTDIR);
    EXPECT_ERRNO(rename("e", "e/under"), EINVAL);
    EXPECT_ERRNO(rename("missing", "x"), ENOENT);
    EXPECT_ERRNO(rename("b", "missing/x"), ENOENT);
    CHECK(link("b", "same"));
    CHECK(rename("b", "same"));
    EXPECT(access("b", F_OK) == 0 && access("same", F_OK) == 0);
    unlink("b"); unlink("same"); unlink("e/inside"); rmdir("e"); rmdir("full");
    return 0;
}
