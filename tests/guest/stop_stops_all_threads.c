/* elfuse: threads */
/* signal(7): SIGSTOP stops every thread of the process, SIGCONT continues them. */
#include "guest.h"
#include <pthread.h>
static volatile int *counter;
static void *count(void *unused) { for (;;) { ++*counter; usleep(500); } return unused; }
int main(void) {
    counter = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid = CHECK(fork());
    if (!pid) {
        pthread_t thread;
        pthread_create(&thread, 0, count, 0);
        for (;;) pause();
    }
    while (*counter < 3) usleep(1000);
    CHECK(kill(pid, SIGSTOP));
    EXPECT(waitpid(pid, 0, WUNTRACED) == pid);
    int before = *counter;
    nap(20);
    EXPECT(*counter == before);
    CHECK(kill(pid, SIGCONT));
    EXPECT(waitpid(pid, 0, WCONTINUED) == pid);
    for (int i = 0; i < 2000 && *counter == before; i++) usleep(1000);
    EXPECT(*counter > before);
    CHECK(kill(pid, SIGKILL));
    EXPECT(reap_signal(pid) == SIGKILL);
    return 0;
}
