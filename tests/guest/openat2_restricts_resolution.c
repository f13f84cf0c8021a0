/* elfuse: oracle=skip(qemu-user 7.2 has no openat2) */
/* openat2(2): RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS; sizes and flags are checked. */
#include "guest.h"
#include <linux/openat2.h>
static long open2(int fd, const char *path, uint64_t flags, uint64_t resolve) {
    struct open_how how = {.flags = flags, .resolve = resolve};
    return syscall(SYS_openat2, fd, path, &how, sizeof how);
}
int main(void) {
    CHECK(mkdir("d", 0700));
    close(CHECK(open("d/f", O_CREAT | O_WRONLY, 0600)));
    CHECK(symlink("../d/f", "d/out"));
    CHECK(symlink("/f", "d/absolute"));
    int d = CHECK(open("d", O_PATH));
    CHECK(open2(d, "f", O_RDONLY, RESOLVE_BENEATH));
    EXPECT_ERRNO(open2(d, "../d/f", O_RDONLY, RESOLVE_BENEATH), EXDEV);
    EXPECT_ERRNO(open2(d, "out", O_RDONLY, RESOLVE_BENEATH), EXDEV);
    EXPECT_ERRNO(open2(d, "/f", O_RDONLY, RESOLVE_BENEATH), EXDEV);
    CHECK(open2(d, "/f", O_RDONLY, RESOLVE_IN_ROOT));
    CHECK(open2(d, "absolute", O_RDONLY, RESOLVE_IN_ROOT));
    CHECK(open2(d, "../../f", O_RDONLY, RESOLVE_IN_ROOT));
    EXPECT_ERRNO(open2(d, "out", O_RDONLY, RESOLVE_NO_SYMLINKS), ELOOP);
    EXPECT_ERRNO(open2(d, "f", 1ULL << 40, 0), EINVAL);
    EXPECT_ERRNO(open2(d, "f", O_RDONLY, 1 << 20), EINVAL);
    EXPECT_ERRNO(syscall(SYS_openat2, d, "f", 0, 4), EINVAL);
    unlink("d/f"); unlink("d/out"); unlink("d/absolute"); CHECK(rmdir("d"));
    return 0;
}
