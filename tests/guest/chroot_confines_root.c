/* chroot(2): for root, absolute paths and ".." end at the new root; for others EPERM. */
#include "guest.h"
int main(void) {
    struct stat status;
    CHECK(mkdir("jail", 0755));
    close(CHECK(open("jail/file", O_CREAT | O_WRONLY, 0600)));
    pid_t pid = CHECK(fork());
    if (!pid) {
        if (chroot("jail") == -1) { EXPECT(errno == EPERM); _exit(0); }
        char here[64];
        CHECK(chdir("/"));
        EXPECT(getcwd(here, sizeof here) && strcmp(here, "/") == 0);
        CHECK(stat("/file", &status));
        CHECK(stat("../../../file", &status));
        CHECK(symlink("/file", "link"));
        CHECK(stat("link", &status));
        EXPECT_ERRNO(stat("/jail", &status), ENOENT);
        CHECK(unlink("/link"));
        EXPECT_ERRNO(chroot("/file"), ENOTDIR);
        _exit(0);
    }
    EXPECT(reap(pid) == 0);
    CHECK(stat("/tmp", &status));
    CHECK(unlink("jail/file"));
    CHECK(rmdir("jail"));
    return 0;
}
