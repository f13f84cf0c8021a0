/* A child by fork(2) or vfork(2), which calls execve(2) if told to; and what both return. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

__attribute__((noinline)) void in_child(void) {
    __asm__ volatile("");
}
__attribute__((noinline)) void in_parent(int status) {
    printf("child: %d\n", status);
}

int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "child"))
        return 3;
    int by_vfork = argc > 1 && !strcmp(argv[1], "vfork");
    pid_t pid = by_vfork ? vfork() : fork();
    if (pid == 0) {
        if (by_vfork) {
            execl("/proc/self/exe", argv[0], "child", NULL);
            _exit(99);
        }
        in_child();
        _exit(7);
    }
    int status;
    waitpid(pid, &status, 0);
    in_parent(WEXITSTATUS(status));
    return 0;
}
