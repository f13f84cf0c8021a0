/* elfuse: oracle=skip(qemu-user refuses an old size of zero) */
/* mremap(2): with old_size 0 the pages of a shared mapping appear a second time. */
#include "guest.h"
int main(void) {
    char *shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    shared[5] = 's';
    char *alias = mremap(shared, 0, 4096, MREMAP_MAYMOVE);
    EXPECT(alias != MAP_FAILED && alias != shared && alias[5] == 's');
    alias[6] = 'a';
    EXPECT(shared[6] == 'a');
    pid_t pid = CHECK(fork());
    if (!pid) { alias[7] = 'c'; _exit(shared[7] == 'c' && alias[5] == 's' ? 0 : 1); }
    EXPECT(reap(pid) == 0 && shared[7] == 'c');
    CHECK(munmap(shared, 4096));
    EXPECT(alias[5] == 's' && alias[7] == 'c');
    char *private = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_ERRNO(mremap(private, 0, 4096, MREMAP_MAYMOVE), EINVAL);
    return 0;
}
