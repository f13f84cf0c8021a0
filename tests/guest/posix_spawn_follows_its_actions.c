/* elfuse: oracle=skip(qemu-user cannot execute its own /proc/self/exe) */
/* posix_spawn(3): file actions, process group, mask and default signals. */
#include "guest.h"
#include <spawn.h>
extern char **environ;
int main(int argc, char **argv) {
    if (argc > 1) {
        char here[4096];
        sigset_t mask;
        struct sigaction action;
        EXPECT(getpgrp() == getpid() && fcntl(9, F_GETFD) == 0 && fcntl(8, F_GETFD) == -1);
        sigprocmask(0, 0, &mask);
        EXPECT(sigismember(&mask, SIGUSR2) && !sigismember(&mask, SIGINT));
        sigaction(SIGUSR1, 0, &action);
        EXPECT(action.sa_handler == SIG_DFL && getcwd(here, sizeof here) && strcmp(here, "/") == 0);
        EXPECT(CHECK(write(9, argv[1], 3)) == 3);
        return 7;
    }
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t mask, defaults;
    int ends[2];
    pid_t pid;
    char text[4] = {0};
    CHECK(pipe2(ends, O_CLOEXEC));
    CHECK(dup2(ends[0], 8));
    signal(SIGUSR1, SIG_IGN);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 9);
    posix_spawn_file_actions_addclose(&actions, 8);
    posix_spawn_file_actions_addchdir_np(&actions, "/");
    posix_spawnattr_init(&attributes);
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR2);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGUSR1);
    posix_spawnattr_setsigmask(&attributes, &mask);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    char *arguments[] = {argv[0], "abc", 0};
    EXPECT(posix_spawn(&pid, "/proc/self/exe", &actions, &attributes, arguments, environ) == 0);
    EXPECT(reap(pid) == 7 && CHECK(read(ends[0], text, 3)) == 3 && strcmp(text, "abc") == 0);
    EXPECT(posix_spawn(&pid, "/missing", &actions, &attributes, arguments, environ) == ENOENT);
    posix_spawn_file_actions_adddup2(&actions, 99, 5);
    EXPECT(posix_spawn(&pid, "/proc/self/exe", &actions, &attributes, arguments, environ) == EBADF);
    EXPECT_ERRNO(waitpid(-1, 0, 0), ECHILD);
    return 0;
}
