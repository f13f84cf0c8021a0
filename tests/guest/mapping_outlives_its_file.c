/* mmap(2): closing the descriptor and removing the file leave the mapping; reading needs no write permission. */
#include "guest.h"
int main(void) {
    char path[64];
    int fd = scratch(path);
    CHECK(write(fd, "kept", 5));
    CHECK(close(fd));
    fd = CHECK(open(path, O_RDONLY));
    char *private = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    char *shared = mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 0);
    EXPECT(private != MAP_FAILED && shared != MAP_FAILED);
    CHECK(close(fd));
    CHECK(unlink(path));
    private[0] = 'K';
    EXPECT(strcmp(private, "Kept") == 0 && strcmp(shared, "kept") == 0);
    EXPECT_ERRNO(mprotect(shared, 4096, PROT_READ | PROT_WRITE), EACCES);
    return 0;
}
