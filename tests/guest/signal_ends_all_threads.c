/* elfuse: threads */
/* signal(7): the default action of a signal for one thread ends the process; so does exit_group in a thread. */
#include "guest.h"
#include <pthread.h>
static void *sleeper(void *unused) { for (;;) pause(); return unused; }
static void *die(void *how) {
    if (how) _exit(12);
    signal(SIGUSR1, SIG_DFL);
    pthread_kill(pthread_self(), SIGUSR1);
    return 0;
}
int main(void) {
    for (long how = 0; how < 2; how++) {
        pid_t pid = CHECK(fork());
        if (!pid) {
            pthread_t thread;
            pthread_create(&thread, 0, sleeper, 0);
            pthread_create(&thread, 0, die, (void *)how);
            sleeper(0);
        }
        if (how) EXPECT(reap(pid) == 12);
        else EXPECT(reap_signal(pid) == SIGUSR1);
    }
    return 0;
}
