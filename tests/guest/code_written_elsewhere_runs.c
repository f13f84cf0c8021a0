/* elfuse: oracle=skip(qemu-user 7.2 ignores IC IVAU and watches writable mappings only) */
/* Cache maintenance: code changed through a second mapping, which is how W^X compilers work. For aarch64 only. */
#include "guest.h"
int main(void) {
    int fd = CHECK(memfd_create("code", 0));
    CHECK(ftruncate(fd, 4096));
    uint32_t *writer = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    uint32_t *runner = mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    EXPECT(writer != MAP_FAILED && runner != MAP_FAILED);
    for (unsigned i = 1; i < 6; i++) {
        writer[0] = 0x52800000 | i << 5;
        writer[1] = 0xd65f03c0;
        __builtin___clear_cache((char *)writer, (char *)(writer + 2));
        __builtin___clear_cache((char *)runner, (char *)(runner + 2));
        EXPECT(((int (*)(void))runner)() == (int)i);
    }
    return 0;
}
