/* elfuse: flags=-mno-outline-atomics */
/* Exclusive loads and stores in shared memory by three processes: no update is lost. For aarch64 only. */
#include "guest.h"
#include <sched.h>
int main(void) {
    uint64_t *shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[3];
    for (int i = 0; i < 3; i++)
        if (!(pids[i] = CHECK(fork()))) {
            for (int j = 0; j < 20000; j++) {
                __atomic_fetch_add(&shared[0], 1, __ATOMIC_SEQ_CST);
                __atomic_fetch_xor(&shared[1], 1ul << i, __ATOMIC_SEQ_CST);
                while (__atomic_exchange_n(&shared[2], 1, __ATOMIC_ACQUIRE)) sched_yield();
                shared[3]++;
                __atomic_store_n(&shared[2], 0, __ATOMIC_RELEASE);
            }
            _exit(0);
        }
    for (int i = 0; i < 3; i++) EXPECT(reap(pids[i]) == 0);
    EXPECT(shared[0] == 60000 && shared[1] == 0 && shared[3] == 60000);
    return 0;
}
