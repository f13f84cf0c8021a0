/* elfuse: oracle=skip(qemu-user hands execve to the host kernel) */
/* execve(2): a file that is open for writing cannot be executed. */
#include "guest.h"
int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1) return 3;
    char buffer[4096];
    int from = CHECK(open("/proc/self/exe", O_RDONLY)), to = CHECK(open("copy", O_CREAT | O_RDWR | O_CLOEXEC, 0700));
    for (long size; (size = CHECK(read(from, buffer, sizeof buffer))) > 0;) CHECK(write(to, buffer, size));
    EXPECT_ERRNO(execl("./copy", "copy", "child", (char *)0), ETXTBSY);
    CHECK(close(to));
    pid_t pid = CHECK(fork());
    if (!pid) { execl("./copy", "copy", "child", (char *)0); _exit(errno); }
    EXPECT(reap(pid) == 3);
    CHECK(unlink("copy"));
    return 0;
}
