/* elfuse: threads, oracle=skip(qemu-user refuses bare clone flags) */
/* clone(2): CLONE_CHILD_CLEARTID zeroes the word and wakes its futex; CLONE_THREAD children are not waited for. */
#include "guest.h"
#include <linux/futex.h>
#include <sched.h>
static char stack[65536] __attribute__((aligned(16)));
static volatile int word = 1, ran, number;
static int run(void *argument) {
    ran = *(int *)argument;
    number = (int)syscall(SYS_gettid);
    syscall(SYS_exit, 0);
    return 0;
}
int main(void) {
    int argument = 5, tid = 0;
    int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
    int result = CHECK(clone(run, stack + sizeof stack, flags, &argument, &tid, 0, &word));
    EXPECT(result == tid);
    while (word) {
        struct timespec limit = {5, 0};
        long woken = syscall(SYS_futex, &word, FUTEX_WAIT, 1, &limit, 0, 0);
        EXPECT(woken == 0 || errno == EAGAIN);
    }
    EXPECT(ran == 5 && number == tid && tid != getpid());
    EXPECT_ERRNO(waitpid(tid, 0, __WALL), ECHILD);
    return 0;
}
