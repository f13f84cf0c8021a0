/* elfuse: threads */
/* fork(2): only the calling thread exists in the child. */
#include "guest.h"
#include <pthread.h>
static void *forker(void *unused) {
    pid_t pid = CHECK(fork());
    if (!pid) _exit(getpid() == (pid_t)syscall(SYS_gettid) ? 8 : 1);
    EXPECT(reap(pid) == 8);
    return unused;
}
int main(void) {
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) EXPECT(pthread_create(&threads[i], 0, forker, 0) == 0);
    for (int i = 0; i < 3; i++) EXPECT(pthread_join(threads[i], 0) == 0);
    return 0;
}
