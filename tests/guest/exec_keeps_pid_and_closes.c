/* elfuse: oracle=skip(qemu-user cannot execute its own /proc/self/exe) */
/* execve(2): the process stays, close-on-exec descriptors go, arguments and environment arrive. */
#include "guest.h"
int main(int argc, char **argv) {
    if (argc > 1) {
        EXPECT(atoi(argv[1]) == getpid());
        EXPECT(strcmp(getenv("MARK"), "here") == 0);
        EXPECT(fcntl(atoi(argv[2]), F_GETFD) == 0);
        EXPECT_ERRNO(fcntl(atoi(argv[3]), F_GETFD), EBADF);
        return 0;
    }
    char pid[16], kept[16], closed[16];
    sprintf(pid, "%d", getpid());
    sprintf(kept, "%ld", CHECK(open("/dev/null", O_RDONLY)));
    sprintf(closed, "%ld", CHECK(open("/dev/null", O_RDONLY | O_CLOEXEC)));
    char *args[] = {"again", pid, kept, closed, 0}, *env[] = {"MARK=here", 0};
    CHECK(execve("/proc/self/exe", args, env));
    return 1;
}
