/* elfuse: threads, oracle=skip(qemu-user cannot execute its own /proc/self/exe) */
/* exit_group(2), execve(2): other threads end with the process, and with its program. */
#include "guest.h"
#include <pthread.h>
static void *spin(void *unused) { for (;;) __asm__ volatile("nop"); return unused; }
static void *replace(void *path) {
    char *args[] = {path, "x", 0};
    execv("/proc/self/exe", args);
    return 0;
}
int main(int argc, char **argv) {
    if (argc > 1) return 21;
    pthread_t thread;
    pid_t pid = CHECK(fork());
    if (!pid) {
        pthread_create(&thread, 0, spin, 0);
        usleep(5000);
        exit(20);
    }
    EXPECT(reap(pid) == 20);
    pid = CHECK(fork());
    if (!pid) {
        pthread_create(&thread, 0, replace, argv[0]);
        spin(0);
    }
    EXPECT(reap(pid) == 21);
    return 0;
}
