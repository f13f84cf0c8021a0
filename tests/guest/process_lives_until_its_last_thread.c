/* elfuse: threads */
/* pthread_exit(3): the first thread may end before others; the last one's end is the process's. */
#include "guest.h"
#include <pthread.h>
static int ends[2];
static pthread_t first;
static void *outlive(void *unused) {
    (void)unused;
    EXPECT(pthread_join(first, 0) == 0);
    nap(10);
    CHECK(write(ends[1], "alive", 5));
    EXPECT(gettid() != getpid());
    return 0;
}
static void *leave(void *unused) { (void)unused; pthread_join(first, 0); exit(9); }
int main(void) {
    char text[8];
    CHECK(pipe(ends));
    for (int i = 0; i < 2; i++) {
        pid_t pid = CHECK(fork());
        if (!pid) {
            pthread_t thread;
            first = pthread_self();
            EXPECT(pthread_create(&thread, 0, i ? leave : outlive, 0) == 0);
            pthread_exit(0);
        }
        EXPECT(reap(pid) == (i ? 9 : 0));
    }
    EXPECT(CHECK(read(ends[0], text, 8)) == 5);
    return 0;
}
