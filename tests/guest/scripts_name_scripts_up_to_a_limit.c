/* elfuse: oracle=skip(qemu-user hands scripts to the host kernel) */
/* execve(2): an interpreter may be a script; too many levels are ELOOP. */
#include "guest.h"
static void script(const char *path, const char *interpreter, const char *argument) {
    int fd = CHECK(open(path, O_CREAT | O_TRUNC | O_WRONLY, 0755));
    dprintf(fd, "#!%s%s\n", interpreter, argument);
    CHECK(close(fd));
}
int main(int argc, char **argv) {
    if (argc > 1) {
        printf("%d", argc);
        for (int i = 1; i < argc; i++) printf(" %s", argv[i]);
        return strcmp(argv[argc - 1], "end") ? 1 : 5;
    }
    char self[4096] = {0}, text[256] = {0};
    CHECK(readlink("/proc/self/exe", self, sizeof self - 1));
    script("s1", self, " a");
    script("s2", "./s1", "");
    script("s3", "./s2", " c");
    int ends[2];
    CHECK(pipe(ends));
    pid_t pid = CHECK(fork());
    if (!pid) { dup2(ends[1], 1); execl("./s3", "zero", "end", (char *)0); _exit(99); }
    EXPECT(reap(pid) == 5);
    CHECK(read(ends[0], text, sizeof text - 1));
    EXPECT(strcmp(text, "7 a ./s1 ./s2 c ./s3 end") == 0 || !fprintf(stderr, "%s\n", text));
    script("loop", "./loop", "");
    pid = CHECK(fork());
    if (!pid) { execl("./loop", "loop", (char *)0); _exit(errno); }
    EXPECT(reap(pid) == ELOOP);
    unlink("s1"); unlink("s2"); unlink("s3"); unlink("loop");
    return 0;
}
