/* elfuse: oracle=skip(qemu-user hands scripts to the host kernel) */
/* execve(2): `#! interpreter argument` scripts. */
#include "guest.h"
int main(int argc, char **argv) {
    if (argc == 4) {
        EXPECT(strcmp(argv[1], "one argument") == 0);
        EXPECT(strncmp(argv[2], "/tmp/guest-", 11) == 0);
        EXPECT(strcmp(argv[3], "word") == 0);
        unlink(argv[2]);
        return 7;
    }
    char path[64], self[512] = {0};
    CHECK(readlink("/proc/self/exe", self, sizeof self - 1));
    int fd = scratch(path);
    dprintf(fd, "#! %s one argument\nrest\n", self);
    close(fd);
    CHECK(chmod(path, 0755));
    pid_t pid = CHECK(fork());
    if (!pid) {
        char *args[] = {"ignored", "word", 0};
        execv(path, args);
        _exit(1);
    }
    EXPECT(reap(pid) == 7);
    return 0;
}
