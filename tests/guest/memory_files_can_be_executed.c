/* elfuse: oracle=skip(qemu-user hands execve to the host kernel) */
/* fexecve(3), memfd_create(2): a program that has no path, also while its descriptor can write. */
#include "guest.h"
int main(int argc, char **argv) {
    if (argc > 1) return argv[1][0];
    char buffer[4096];
    int from = CHECK(open("/proc/self/exe", O_RDONLY)), to = CHECK(memfd_create("program", MFD_CLOEXEC));
    for (long size; (size = CHECK(read(from, buffer, sizeof buffer))) > 0;) CHECK(write(to, buffer, size));
    for (int i = 0; i < 2; i++) {
        pid_t pid = CHECK(fork());
        char path[64], *arguments[] = {"program", "x", 0};
        sprintf(path, "/proc/self/fd/%d", to);
        if (!pid) { i ? execv(path, arguments) : fexecve(to, arguments, environ); _exit(errno); }
        EXPECT(reap(pid) == 'x');
    }
    return 0;
}
