/* elfuse: threads, oracle=skip(qemu-user cannot execute its own /proc/self/exe) */
/* execve(2) in a thread: all other threads end, and the new program has the number of the process. */
#include "guest.h"
#include <pthread.h>
static void *spin(void *unused) { for (;;) pause(); return unused; }
static void *execute(void *unused) {
    char number[16];
    sprintf(number, "%d", getpid());
    execl("/proc/self/exe", "x", number, (char *)0);
    return unused;
}
int main(int argc, char **argv) {
    if (argc > 1) {
        char text[64];
        EXPECT(atoi(argv[1]) == getpid() && gettid() == getpid());
        EXPECT(strstr(slurp("/proc/self/stat", text, sizeof text), ")"));
        return 0;
    }
    pid_t pid = CHECK(fork());
    if (!pid) {
        pthread_t threads[3];
        pthread_create(&threads[0], 0, spin, 0);
        pthread_create(&threads[1], 0, spin, 0);
        pthread_create(&threads[2], 0, execute, 0);
        pthread_join(threads[2], 0);
        _exit(1);
    }
    return reap(pid);
}
