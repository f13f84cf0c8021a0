/* elfuse: oracle=skip(qemu-user shows much of its own /proc) */
/* proc(5): self/{stat,status,cmdline,comm,maps,fd,exe,cwd,task,mounts} and system files. */
#include "guest.h"
#include <sys/prctl.h>
static char text[65536];
static char *slurp(const char *path) {
    int fd = CHECK(open(path, O_RDONLY));
    long size = CHECK(read(fd, text, sizeof text - 1));
    close(fd);
    text[size] = 0;
    return text;
}
int main(int argc, char **argv) {
    (void)argc;
    char link[512] = {0}, expected[64];
    CHECK(prctl(PR_SET_NAME, "renamed"));
    EXPECT(strcmp(slurp("/proc/self/comm"), "renamed\n") == 0);
    EXPECT(atoi(slurp("/proc/self/stat")) == getpid() && strstr(text, "(renamed) R "));
    sprintf(expected, "Pid:\t%d\n", getpid());
    EXPECT(strstr(slurp("/proc/self/status"), expected));
    EXPECT(strcmp(slurp("/proc/self/cmdline"), argv[0]) == 0);
    EXPECT(strstr(slurp("/proc/self/maps"), "[stack]") && strstr(text, "[vdso]"));
    EXPECT(strstr(slurp("/proc/self/mounts"), " /proc proc "));
    CHECK(readlink("/proc/self/exe", link, sizeof link - 1));
    EXPECT(link[0] == '/');
    int fd = CHECK(open("/dev/null", O_RDONLY));
    sprintf(expected, "/proc/self/fd/%d", fd);
    memset(link, 0, sizeof link);
    EXPECT(readlink(expected, link, sizeof link - 1) == 9 && strcmp(link, "/dev/null") == 0);
    sprintf(expected, "/proc/self/task/%d/comm", getpid());
    EXPECT(strcmp(slurp(expected), "renamed\n") == 0);
    EXPECT(strstr(slurp("/proc/cpuinfo"), "processor"));
    EXPECT(strstr(slurp("/proc/meminfo"), "MemTotal:"));
    EXPECT(atof(slurp("/proc/uptime")) >= 0);
    EXPECT(strstr(slurp("/proc/version"), "Linux version"));
    EXPECT(strlen(slurp("/proc/sys/kernel/random/uuid")) == 37);
    EXPECT(strcmp(slurp("/proc/sys/kernel/ostype"), "Linux\n") == 0);
    EXPECT_ERRNO(open("/proc/999999", O_RDONLY), ENOENT);
    return 0;
}
