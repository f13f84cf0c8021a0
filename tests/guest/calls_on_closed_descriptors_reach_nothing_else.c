/* elfuse: threads */
/* close(2), dup2(2): a call in another thread uses the file its descriptor had when it began, or none. */
#include "guest.h"
#include <pthread.h>
enum { ROUNDS = 3000 };
static char names[3][64];
static int shared, done;
static volatile long seen[256];
static void *reader(void *unused) {
    while (!__atomic_load_n(&done, __ATOMIC_RELAXED)) {
        char byte = '?';
        long got = pread(__atomic_load_n(&shared, __ATOMIC_RELAXED), &byte, 1, 0);
        EXPECT(got == 1 || (got == -1 && errno == EBADF));
        if (got == 1) seen[(unsigned char)byte]++;
    }
    return unused;
}
int main(void) {
    pthread_t threads[2];
    for (int i = 0; i < 3; i++) {
        int fd = scratch(names[i]);
        CHECK(write(fd, "abc" + i, 1));
        CHECK(close(fd));
    }
    shared = 100;
    for (int i = 0; i < 2; i++) EXPECT(pthread_create(&threads[i], 0, reader, 0) == 0);
    for (int round = 0; round < ROUNDS || !seen['a'] || !seen['b']; round++) {
        int fd = CHECK(open(names[round % 2], O_RDONLY));
        EXPECT(dup2(fd, shared) == shared);
        CHECK(close(fd));
        if (round % 3 == 0) CHECK(close(shared));
        /* Takes the host's number of what was just closed. */
        fd = CHECK(open(names[2], O_RDONLY));
        CHECK(close(fd));
    }
    __atomic_store_n(&done, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < 2; i++) EXPECT(pthread_join(threads[i], 0) == 0);
    EXPECT(seen['c'] == 0);
    for (int i = 0; i < 3; i++) CHECK(unlink(names[i]));
    return 0;
}
