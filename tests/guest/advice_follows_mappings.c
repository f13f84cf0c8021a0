/* madvise(2): advice is for what is mapped now, whatever was there before; holes are ENOMEM. */
/* elfuse: oracle=skip(qemu-user does not look at what is mapped) */
#include "guest.h"

enum { PAGE = 4096 };

static char *anonymous(size_t pages) {
    char *at = mmap(0, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(at != MAP_FAILED);
    memset(at, 7, pages * PAGE);
    return at;
}

int main(void) {
    char path[64];
    int fd = scratch(path);
    CHECK(unlink(path));
    CHECK(write(fd, "file", 4));

    /* A file in the middle is read again; the memory around it is zero. */
    char *mixed = anonymous(3);
    EXPECT(mmap(mixed + PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0) == mixed + PAGE);
    memcpy(mixed + PAGE, "XXXX", 4);
    CHECK(madvise(mixed, 3 * PAGE, MADV_DONTNEED));
    EXPECT(mixed[0] == 0 && memcmp(mixed + PAGE, "file", 4) == 0 && mixed[2 * PAGE] == 0);

    /* Around a hole everything is discarded, and the hole is told. */
    char *holed = anonymous(3);
    CHECK(munmap(holed + PAGE, PAGE));
    EXPECT_ERRNO(madvise(holed, 3 * PAGE, MADV_DONTNEED), ENOMEM);
    EXPECT(holed[0] == 0 && holed[2 * PAGE] == 0);
    EXPECT_ERRNO(madvise(holed + PAGE, PAGE, MADV_WILLNEED), ENOMEM);

    /* Moved memory is discarded where it is. */
    char *moved = anonymous(1);
    char *room = anonymous(1);
    EXPECT(mremap(moved, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room) == room);
    EXPECT(room[0] == 7);
    CHECK(madvise(room, PAGE, MADV_DONTNEED));
    EXPECT(room[0] == 0);
    EXPECT_ERRNO(madvise(moved, PAGE, MADV_DONTNEED), ENOMEM);

    /* Protection does not matter, and a length is rounded up. */
    char *closed = anonymous(2);
    CHECK(mprotect(closed, PAGE, PROT_NONE));
    CHECK(madvise(closed, PAGE + 1, MADV_DONTNEED));
    CHECK(mprotect(closed, PAGE, PROT_READ));
    EXPECT(closed[0] == 0 && closed[PAGE] == 0);

    /* Discarded code is no code. */
    uint32_t *code = (uint32_t *)anonymous(1);
    code[0] = 0x528000e0; /* mov w0, #7 */
    code[1] = 0xd65f03c0; /* ret */
    CHECK(mprotect(code, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC));
    __builtin___clear_cache((char *)code, (char *)(code + 2));
    EXPECT(((int (*)(void))code)() == 7);
    CHECK(madvise(code, PAGE, MADV_DONTNEED));
    EXPECT(code[0] == 0);
    code[0] = 0x52800120; /* mov w0, #9 */
    code[1] = 0xd65f03c0;
    __builtin___clear_cache((char *)code, (char *)(code + 2));
    EXPECT(((int (*)(void))code)() == 9);

    /* A child discards its own copy. */
    char *kept = anonymous(1);
    pid_t child = CHECK(fork());
    if (child == 0) {
        madvise(kept, PAGE, MADV_DONTNEED);
        _exit(kept[0]);
    }
    int status;
    CHECK(waitpid(child, &status, 0));
    EXPECT(status == 0 && kept[0] == 7);

    EXPECT_ERRNO(madvise(kept, PAGE, 12345), EINVAL);
    return 0;
}
