/* sigaltstack(2): EPERM while in use, ENOMEM when small, EINVAL for flags, SS_DISABLE; threads start without one. */
/* elfuse: threads */
#include "guest.h"
#include <pthread.h>
static char memory[65536];
static volatile int in_use;
static void handler(int signo) {
    stack_t now, other = {.ss_sp = memory, .ss_size = sizeof memory};
    (void)signo;
    CHECK(sigaltstack(0, &now));
    EXPECT(now.ss_flags == SS_ONSTACK && now.ss_sp == memory && now.ss_size == sizeof memory);
    EXPECT_ERRNO(sigaltstack(&other, 0), EPERM);
    in_use = (char *)&now > memory && (char *)&now < memory + sizeof memory;
}
static void *in_thread(void *unused) {
    stack_t now;
    CHECK(sigaltstack(0, &now));
    EXPECT(now.ss_flags == SS_DISABLE);
    return unused;
}
int main(void) {
    stack_t stack = {.ss_sp = memory, .ss_size = sizeof memory}, old;
    CHECK(sigaltstack(0, &old));
    EXPECT(old.ss_flags == SS_DISABLE);
    stack.ss_flags = 0x40;
    EXPECT_ERRNO(sigaltstack(&stack, 0), EINVAL);
    stack.ss_flags = 0;
    stack.ss_size = 1000;
    EXPECT_ERRNO(sigaltstack(&stack, 0), ENOMEM);
    stack.ss_size = sizeof memory;
    CHECK(sigaltstack(&stack, &old));
    on_signal(SIGUSR1, handler, SA_ONSTACK);
    raise(SIGUSR1);
    EXPECT(in_use);
    pthread_t thread;
    EXPECT(pthread_create(&thread, 0, in_thread, 0) == 0 && pthread_join(thread, 0) == 0);
    pid_t pid = CHECK(fork());
    if (!pid) { in_use = 0; raise(SIGUSR1); _exit(!in_use); }
    EXPECT(reap(pid) == 0);
    stack.ss_flags = SS_DISABLE;
    CHECK(sigaltstack(&stack, &old));
    EXPECT(old.ss_sp == memory && old.ss_flags == 0);
    return 0;
}
