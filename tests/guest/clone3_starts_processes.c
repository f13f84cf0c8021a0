/* elfuse: oracle=skip(qemu-user 7.2 has no clone3) */
/* clone3(2): the structure's sizes, exit signals, stacks, and refused combinations. */
#include "guest.h"
#include <linux/sched.h>
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif
static void raise_again(int number) { raise(number); }
static long start(struct clone_args *args, size_t size) { return syscall(SYS_clone3, args, size); }
int main(void) {
    int tid = 0;
    struct clone_args args = {.flags = CLONE_PARENT_SETTID, .exit_signal = SIGCHLD, .parent_tid = (uintptr_t)&tid};
    pid_t pid = CHECK(start(&args, sizeof args));
    if (!pid) _exit(11);
    EXPECT(tid == pid && reap(pid) == 11);
    pid = CHECK(start(&args, CLONE_ARGS_SIZE_VER0));
    if (!pid) _exit(12);
    EXPECT(reap(pid) == 12);
    EXPECT_ERRNO(start(&args, CLONE_ARGS_SIZE_VER0 - 8), EINVAL);
    EXPECT_ERRNO(start(&args, 8192), E2BIG);
    EXPECT_ERRNO(start(nowhere(), sizeof args), EFAULT);
    struct { struct clone_args known; uint64_t more; } longer = {.known = args};
    pid = CHECK(syscall(SYS_clone3, &longer, sizeof longer));
    if (!pid) _exit(13);
    EXPECT(reap(pid) == 13);
    longer.more = 1;
    EXPECT_ERRNO(syscall(SYS_clone3, &longer, sizeof longer), E2BIG);
    signal(SIGUSR1, raise_again);
    signal(SIGUSR2, SIG_IGN);
    args.flags = CLONE_CLEAR_SIGHAND;
    pid = CHECK(start(&args, sizeof args));
    if (!pid) _exit(signal(SIGUSR1, SIG_DFL) == SIG_DFL && signal(SIGUSR2, SIG_DFL) == SIG_IGN ? 14 : 15);
    EXPECT(reap(pid) == 14 && signal(SIGUSR1, SIG_DFL) == raise_again);
    args.flags = CLONE_SIGHAND;
    EXPECT_ERRNO(start(&args, sizeof args), EINVAL);
    args.flags = 0;
    args.exit_signal = 100;
    EXPECT_ERRNO(start(&args, sizeof args), EINVAL);
    args.exit_signal = SIGCHLD;
    args.stack_size = 4096;
    EXPECT_ERRNO(start(&args, sizeof args), EINVAL);
    return 0;
}
