/* proc(5): /proc/PID/exe is the program's file as long as it executes, also when its name is gone. */
/* elfuse: oracle=skip(qemu-user answers with the path it was given) */
#include "guest.h"
int main(int argc, char **argv) {
    char path[64], shown[128] = "";
    if (argc > 1) {
        CHECK(unlink(argv[0]));
        CHECK(readlink("/proc/self/exe", shown, sizeof shown - 1));
        return strncmp(shown, argv[0], strlen(argv[0])) || strcmp(shown + strlen(argv[0]), " (deleted)");
    }
    /* A copy of this program, opened by its link. */
    int from = CHECK(open("/proc/self/exe", O_RDONLY)), to = scratch(path);
    static char part[65536];
    for (long got; (got = CHECK(read(from, part, sizeof part))) > 0;)
        EXPECT(write(to, part, got) == got);
    CHECK(fchmod(to, 0755) | close(to) | close(from));
    pid_t child = CHECK(fork());
    if (child == 0) {
        execl(path, path, "copy", (char *)NULL);
        _exit(127);
    }
    EXPECT(reap(child) == 0);
    return 0;
}
