/* rt_sigaction(2), raw: what is kept of an action, what is refused, and who else sees it. */
/* elfuse: threads, oracle=skip(qemu-user keeps SIGKILL and SIGSTOP in masks) */
#include "guest.h"
#include <pthread.h>

struct action {
    uint64_t handler, flags, restorer, mask;
};
enum { SIZE = 8, RESTORER = 0x04000000 };
static const uint64_t UNBLOCKABLE = 1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1);

static long change(int signal, const void *new, void *old, size_t size) {
    return syscall(SYS_rt_sigaction, signal, new, old, size);
}

static int same(const struct action *one, const struct action *other) {
    return memcmp(one, other, sizeof *one) == 0;
}

/* A set of signals of /proc/self/status, by its name there. */
static uint64_t set(const char *name) {
    char text[8192], *line = strstr(slurp("/proc/self/status", text, sizeof text), name);
    EXPECT(line != NULL);
    return strtoull(line + strlen(name), NULL, 16);
}

static void *look(void *signal) {
    static struct action found;
    CHECK(change((int)(intptr_t)signal, NULL, &found, SIZE));
    return &found;
}

int main(void) {
    const struct action all = {0x1000, ~0ull, 0x2000, ~0ull}, none = {0}, ignored = {1, 0, 0, 0};
    struct action found, before;

    for (int signal = 1; signal <= 64; signal++) {
        CHECK(change(signal, NULL, &before, SIZE));
        if (signal == SIGKILL || signal == SIGSTOP) {
            EXPECT(before.handler == 0);
            EXPECT_ERRNO(change(signal, &none, NULL, SIZE), EINVAL);
            continue;
        }
        CHECK(change(signal, &all, &found, SIZE));
        EXPECT(same(&found, &before));
        CHECK(change(signal, &before, &found, SIZE));
        EXPECT(found.handler == 0x1000 && found.restorer == 0x2000 && found.mask == ~UNBLOCKABLE);
        EXPECT((found.flags & 0xd8000007) == 0xd8000007 && !(found.flags & 0x400));
    }
    EXPECT_ERRNO(change(0, NULL, &found, SIZE), EINVAL);
    EXPECT_ERRNO(change(65, NULL, &found, SIZE), EINVAL);
    EXPECT_ERRNO(change(-1, NULL, &found, SIZE), EINVAL);
    EXPECT_ERRNO(change(SIGUSR1, NULL, &found, 16), EINVAL);
    EXPECT_ERRNO(change(SIGUSR1, nowhere(), NULL, SIZE), EFAULT);

    /* The action is changed before the old one is stored. */
    const struct action one = {0x3000, RESTORER, 0x4000, 5};
    EXPECT_ERRNO(change(SIGUSR1, &one, nowhere(), SIZE), EFAULT);
    CHECK(change(SIGUSR1, NULL, &found, SIZE));
    EXPECT(same(&found, &one));
    /* Both may be at one place. */
    found = ignored;
    CHECK(change(SIGUSR1, &found, &found, SIZE));
    EXPECT(same(&found, &one));

    CHECK(change(SIGUSR2, &one, NULL, SIZE));
    CHECK(change(SIGCHLD, &ignored, NULL, SIZE));
    EXPECT(set("SigIgn:") == (1ull << (SIGUSR1 - 1) | 1ull << (SIGCHLD - 1)));
    EXPECT(set("SigCgt:") & 1ull << (SIGUSR2 - 1));
    EXPECT(!(set("SigCgt:") & 1ull << (SIGUSR1 - 1)));

    /* Children that end are not kept while SIGCHLD is ignored, and are after it is not. */
    pid_t child = CHECK(fork());
    if (child == 0)
        _exit(same(look((void *)SIGUSR2), &one) ? 0 : 1);
    EXPECT_ERRNO(waitpid(child, NULL, 0), ECHILD);
    CHECK(change(SIGCHLD, &none, NULL, SIZE));
    child = CHECK(fork());
    if (child == 0) {
        CHECK(change(SIGUSR2, &none, NULL, SIZE));
        _exit(7);
    }
    EXPECT(reap(child) == 7);
    CHECK(change(SIGUSR2, NULL, &found, SIZE));
    EXPECT(same(&found, &one));

    /* A pending signal goes away when it is ignored. */
    const uint64_t usr2 = 1ull << (SIGUSR2 - 1);
    CHECK(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &usr2, NULL, SIZE));
    CHECK(kill(getpid(), SIGUSR2));
    CHECK(change(SIGUSR2, &ignored, NULL, SIZE));
    CHECK(change(SIGUSR2, &one, NULL, SIZE));
    CHECK(syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &usr2, NULL, SIZE));

    /* Threads have the same ones, before and after they exist. */
    pthread_t thread;
    void *theirs;
    EXPECT(pthread_create(&thread, NULL, look, (void *)SIGUSR2) == 0);
    EXPECT(pthread_join(thread, &theirs) == 0 && same(theirs, &one));
    CHECK(change(SIGUSR2, &none, NULL, SIZE));
    EXPECT(same(look((void *)SIGUSR2), &none));
    return 0;
}
