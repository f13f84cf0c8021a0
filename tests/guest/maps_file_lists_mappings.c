/* proc(5): /proc/PID/maps shows ranges, protections, offsets and names, also after splits. */
#include "guest.h"
static char text[65536];
static int line_with(char *start, size_t size, const char *rest) {
    char wanted[128];
    sprintf(wanted, "%08lx-%08lx %s", (unsigned long)start, (unsigned long)(start + size), rest);
    return strstr(slurp("/proc/self/maps", text, sizeof text), wanted) != 0;
}
int main(void) {
    char path[64];
    int fd = scratch(path);
    CHECK(ftruncate(fd, 5 * 4096));
    char *hole = mmap(0, 16 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *file = mmap(hole + 4096, 3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 4096);
    EXPECT(file == hole + 4096);
    EXPECT(line_with(file, 3 * 4096, "rw-s 00001000 "));
    EXPECT(strstr(text, path));
    EXPECT(line_with(hole, 4096, "---p 00000000 00:00 0"));
    CHECK(mprotect(file + 4096, 4096, PROT_READ));
    EXPECT(line_with(file, 4096, "rw-s 00001000 ") && line_with(file + 4096, 4096, "r--s 00002000 "));
    EXPECT(line_with(file + 2 * 4096, 4096, "rw-s 00003000 "));
    CHECK(mprotect(file + 4096, 4096, PROT_READ | PROT_WRITE));
    EXPECT(line_with(file, 3 * 4096, "rw-s 00001000 "));
    CHECK(munmap(file, 3 * 4096));
    EXPECT(!strstr(slurp("/proc/self/maps", text, sizeof text), path));
    EXPECT(strstr(text, "[stack]"));
    CHECK(unlink(path));
    return 0;
}
