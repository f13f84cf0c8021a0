/* elfuse: oracle=skip(qemu-user hands execve to the host kernel) */
/* execve(2), open(2): what is open for writing cannot be executed, what is executed not written to. */
#include "guest.h"
static int run_copy(const char *argument) {
    pid_t pid = CHECK(fork());
    if (!pid) { execl("./copy", "copy", argument, (char *)0); _exit(errno); }
    return pid;
}
static void refused(void) {
    EXPECT_ERRNO(open("copy", O_WRONLY), ETXTBSY);
    EXPECT_ERRNO(open("copy", O_RDWR | O_CREAT, 0700), ETXTBSY);
    EXPECT_ERRNO(open("copy", O_RDONLY | O_TRUNC), ETXTBSY);
    EXPECT_ERRNO(truncate("copy", 0), ETXTBSY);
    CHECK(close(CHECK(open("copy", O_RDONLY))));
}
int main(int argc, char **argv) {
    char buffer[4096];
    if (argc > 1) {
        /* The copy: tells that it runs, goes on when its input ends. */
        if (argv[1][0] == 'w') CHECK(write(1, "!", 1)), EXPECT(read(0, buffer, 1) == 0);
        return 3;
    }
    int from = CHECK(open("/proc/self/exe", O_RDONLY)), to = CHECK(open("copy", O_CREAT | O_RDWR | O_CLOEXEC, 0700));
    for (long size; (size = CHECK(read(from, buffer, sizeof buffer))) > 0;) CHECK(write(to, buffer, size));
    EXPECT_ERRNO(execl("./copy", "copy", "child", (char *)0), ETXTBSY);
    EXPECT(reap(run_copy("child")) == ETXTBSY);
    CHECK(close(to));
    EXPECT(reap(run_copy("child")) == 3);

    int in[2], out[2], saved[2] = {CHECK(dup(0)), CHECK(dup(1))};
    CHECK(pipe2(in, O_CLOEXEC)), CHECK(pipe2(out, O_CLOEXEC));
    CHECK(dup2(in[0], 0)), CHECK(dup2(out[1], 1));
    pid_t pid = run_copy("wait");
    CHECK(dup2(saved[0], 0)), CHECK(dup2(saved[1], 1));
    EXPECT(CHECK(read(out[0], buffer, 1)) == 1);
    refused();
    pid_t other = CHECK(fork());
    if (!other) { refused(); _exit(0); }
    EXPECT(reap(other) == 0);
    CHECK(close(in[1]));
    EXPECT(reap(pid) == 3);
    CHECK(close(CHECK(open("copy", O_WRONLY))));

    int script = CHECK(open("script", O_CREAT | O_WRONLY | O_CLOEXEC, 0700));
    CHECK(write(script, "#!./copy", 8));
    EXPECT_ERRNO(execl("./script", "script", (char *)0), ETXTBSY);
    CHECK(close(script));
    pid = CHECK(fork());
    if (!pid) { execl("./script", "script", (char *)0); _exit(errno); }
    EXPECT(reap(pid) == 3);
    CHECK(unlink("script"));
    CHECK(unlink("copy"));
    return 0;
}
