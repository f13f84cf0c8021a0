/* path_resolution(7): ENAMETOOLONG, ELOOP after 40 links, ENOTDIR, trailing slashes, many slashes, empty paths. */
#include "guest.h"
int main(void) {
    static char name[5000];
    char link[16], target[16];
    struct stat one, two;
    memset(name, 'n', 256);
    EXPECT_ERRNO(open(name, O_RDONLY), ENAMETOOLONG);
    name[255] = 0;
    EXPECT_ERRNO(open(name, O_RDONLY), ENOENT);
    for (int i = 0; i < 4998; i += 2) memcpy(name + i, "./", 2);
    EXPECT_ERRNO(open(name, O_RDONLY), ENAMETOOLONG);
    name[4000] = 0;
    EXPECT(CHECK(open(name, O_RDONLY)) >= 0);
    close(CHECK(open("l0", O_CREAT | O_WRONLY, 0600)));
    for (int i = 1; i <= 41; i++) {
        sprintf(link, "l%d", i);
        sprintf(target, "l%d", i - 1);
        CHECK(symlink(target, link));
    }
    CHECK(stat("l40", &one));
    EXPECT_ERRNO(stat("l41", &one), ELOOP);
    CHECK(stat(".//././/l40", &one));
    EXPECT_ERRNO(stat("l0/", &one), ENOTDIR);
    EXPECT_ERRNO(stat("l0/.", &one), ENOTDIR);
    EXPECT_ERRNO(stat("l0/..", &one), ENOTDIR);
    EXPECT_ERRNO(stat("l40/", &one), ENOTDIR);
    EXPECT_ERRNO(stat("", &one), ENOENT);
    EXPECT_ERRNO(mkdir("l5", 0700), EEXIST);
    EXPECT_ERRNO(rmdir("."), EINVAL);
    EXPECT_ERRNO(unlink("missing/"), ENOENT);
    CHECK(mkdir("dir///", 0700));
    EXPECT_ERRNO(rmdir("dir/."), EINVAL);
    EXPECT_ERRNO(rmdir("dir/.."), ENOTEMPTY);
    CHECK(rmdir("dir/"));
    CHECK(stat("/", &one));
    CHECK(stat("/../../..", &two));
    EXPECT(one.st_ino == two.st_ino);
    for (int i = 0; i <= 41; i++) { sprintf(link, "l%d", i); CHECK(unlink(link)); }
    return 0;
}
