/* elfuse: oracle=skip(qemu-user shows much of its own /proc) */
/* proc(5): self/{stat,status,cmdline,comm,maps,fd,exe,cwd,task,mounts} and system files. */
#include "guest.h"
#include <sys/prctl.h>
static char text[65536];
static char *show(const char *path) {
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
    EXPECT(strcmp(show("/proc/self/comm"), "renamed\n") == 0);
    EXPECT(atoi(show("/proc/self/stat")) == getpid() && strstr(text, "(renamed) R "));
    sprintf(expected, "Pid:\t%d\n", getpid());
    EXPECT(strstr(show("/proc/self/status"), expected));
    EXPECT(strcmp(show("/proc/self/cmdline"), argv[0]) == 0);
    EXPECT(strstr(show("/proc/self/maps"), "[stack]") && strstr(text, "[vdso]"));
    EXPECT(strstr(show("/proc/self/mounts"), " /proc proc "));
    CHECK(readlink("/proc/self/exe", link, sizeof link - 1));
    EXPECT(link[0] == '/');
    int fd = CHECK(open("/dev/null", O_RDONLY));
    sprintf(expected, "/proc/self/fd/%d", fd);
    memset(link, 0, sizeof link);
    EXPECT(readlink(expected, link, sizeof link - 1) == 9 && strcmp(link, "/dev/null") == 0);
    sprintf(expected, "/proc/self/task/%d/comm", getpid());
    EXPECT(strcmp(show(expected), "renamed\n") == 0);
    EXPECT(strstr(show("/proc/cpuinfo"), "processor"));
    EXPECT(strstr(show("/proc/meminfo"), "MemTotal:"));
    EXPECT(atof(show("/proc/uptime")) >= 0);
    EXPECT(strstr(show("/proc/version"), "Linux version"));
    EXPECT(strlen(show("/proc/sys/kernel/random/uuid")) == 37);
    EXPECT(strcmp(show("/proc/sys/kernel/ostype"), "Linux\n") == 0);
    EXPECT_ERRNO(open("/proc/999999", O_RDONLY), ENOENT);
    return 0;
}
