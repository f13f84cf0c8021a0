/* mremap(2): a moved shared mapping still shares, with its file and with a child. */
#include "guest.h"
int main(void) {
    char path[64], byte;
    int fd = scratch(path);
    CHECK(unlink(path));
    CHECK(ftruncate(fd, 8 * 4096));
    char *file = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);
    char *moved = mremap(file, 4096, 4 * 4096, MREMAP_MAYMOVE);
    EXPECT(moved != MAP_FAILED);
    moved[3 * 4096] = 'm';
    EXPECT(CHECK(pread(fd, &byte, 1, 4 * 4096)) == 1 && byte == 'm');
    char *shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    shared[5] = 's';
    char *alias = mremap(shared, 4096, 4 * 4096, MREMAP_MAYMOVE);
    EXPECT(alias != MAP_FAILED && alias[5] == 's');
    pid_t pid = CHECK(fork());
    if (!pid) { alias[7] = 'c'; _exit(0); }
    EXPECT(reap(pid) == 0 && alias[7] == 'c');
    return 0;
}
