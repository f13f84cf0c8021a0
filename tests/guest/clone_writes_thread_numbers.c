/* elfuse: oracle=skip(qemu-user writes the numbers in the child only) */
/* clone(2): CLONE_PARENT_SETTID, CLONE_CHILD_SETTID, each in one process. */
#include "guest.h"
#include <sched.h>
int main(void) {
    int *shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int parent_tid = 0, child_tid = 0;
#ifdef __x86_64__
    pid_t pid = CHECK(syscall(SYS_clone, CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, 0, &parent_tid, &child_tid, 0));
#else
    pid_t pid = CHECK(syscall(SYS_clone, CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, 0, &parent_tid, 0, &child_tid));
#endif
    if (!pid) {
        shared[1] = child_tid;
        _exit(child_tid == (int)syscall(SYS_gettid) && parent_tid == 0 ? 0 : 1);
    }
    EXPECT(parent_tid == pid && child_tid == 0);
    EXPECT(reap(pid) == 0 && shared[1] == pid);
    return 0;
}
