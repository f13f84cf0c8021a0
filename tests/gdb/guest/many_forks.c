/* Forks many times, and adds up what the children return. */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    int total = 0;
    for (int i = 0; i < 60; i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(1);
        int status;
        waitpid(pid, &status, 0);
        total += WEXITSTATUS(status);
    }
    printf("total=%d\n", total);
    return 0;
}
