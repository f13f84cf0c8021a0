/* futex(2): a shared futex wakes a waiter in another process. */
#include "guest.h"
#include <linux/futex.h>
int main(void) {
    uint32_t *word = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid = CHECK(fork());
    if (!pid) {
        while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == 0) syscall(SYS_futex, word, FUTEX_WAIT, 0, 0, 0, 0);
        _exit(5);
    }
    usleep(30000);
    __atomic_store_n(word, 1, __ATOMIC_SEQ_CST);
    CHECK(syscall(SYS_futex, word, FUTEX_WAKE, 1, 0, 0, 0));
    EXPECT(reap(pid) == 5);
    return 0;
}
