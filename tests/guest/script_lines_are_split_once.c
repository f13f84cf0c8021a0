/* elfuse: oracle=skip(qemu-user hands scripts to the host kernel) */
/* execve(2): blanks around the interpreter go, the rest is one argument; missing, long and odd lines are errors. */
#include "guest.h"
static char self[4096];
/* Execute a script with this content; its output, or its errno. */
static int run(const char *content, char *output) {
    int ends[2], fd = CHECK(open("script", O_CREAT | O_TRUNC | O_WRONLY, 0755));
    CHECK(write(fd, content, strlen(content)));
    CHECK(close(fd));
    CHECK(pipe(ends));
    pid_t pid = CHECK(fork());
    if (!pid) { dup2(ends[1], 1); execl("./script", "given", "more", (char *)0); _exit(errno); }
    int status = reap(pid);
    close(ends[1]);
    output[CHECK(read(ends[0], output, 511))] = 0;
    close(ends[0]);
    CHECK(unlink("script"));
    return status;
}
int main(int argc, char **argv) {
    if (argc > 1) {
        for (int i = 1; i < argc; i++) printf("[%s]", argv[i]);
        return 0;
    }
    char content[8192], output[512];
    CHECK(readlink("/proc/self/exe", self, sizeof self - 1));
    sprintf(content, "#! \t %s \t one  two \t \nrest", self);
    EXPECT(run(content, output) == 0 && strcmp(output, "[one  two][./script][more]") == 0);
    sprintf(content, "#!%s\n", self);
    EXPECT(run(content, output) == 0 && strcmp(output, "[./script][more]") == 0);
    sprintf(content, "#!%s -x", self);
    EXPECT(run(content, output) == 0 && strcmp(output, "[-x][./script][more]") == 0);
    EXPECT(run("#!/missing/interpreter\n", output) == ENOENT);
    EXPECT(run("#!/dev/null\n", output) == EACCES);
    EXPECT(run("#!/\n", output) == EACCES);
    EXPECT(run("#!\n", output) == ENOEXEC);
    EXPECT(run("#!   \n", output) == ENOEXEC);
    sprintf(content, "#!/%0300d\n", 7);
    EXPECT(run(content, output) == ENOEXEC);
    return 0;
}
