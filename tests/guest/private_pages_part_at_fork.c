/* fork(2): neither side sees later writes of the other to private memory: stack, heap, data, mapped files. */
#include "guest.h"
static int data = 1;
int main(void) {
    char path[64];
    int fd = scratch(path), stack = 1, *heap = malloc(4), down[2], up[2];
    char byte = 0;
    CHECK(unlink(path));
    CHECK(write(fd, "file", 4));
    char *file = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    char *big = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *heap = 1;
    file[0] = 'F';
    big[999999] = 1;
    CHECK(pipe(down));
    CHECK(pipe(up));
    pid_t pid = CHECK(fork());
    if (!pid) {
        EXPECT(data == 1 && *heap == 1 && stack == 1 && memcmp(file, "File", 4) == 0 && big[999999] == 1);
        data = *heap = stack = 2;
        file[1] = 'I';
        big[999999] = 2;
        CHECK(write(up[1], "x", 1));
        CHECK(read(down[0], &byte, 1));
        EXPECT(data == 2 && *heap == 2 && stack == 2 && memcmp(file, "FIle", 4) == 0 && big[999999] == 2 && big[0] == 0);
        _exit(0);
    }
    CHECK(read(up[0], &byte, 1));
    EXPECT(data == 1 && *heap == 1 && stack == 1 && memcmp(file, "File", 4) == 0 && big[999999] == 1);
    data = *heap = stack = 3;
    file[2] = 'L';
    big[0] = 3;
    CHECK(write(down[1], "x", 1));
    EXPECT(reap(pid) == 0);
    EXPECT(CHECK(pread(fd, path, 4, 0)) == 4 && memcmp(path, "file", 4) == 0);
    return 0;
}
