/* elfuse: threads */
/* prctl(2): PR_SET_NAME cuts at 15 bytes; fork copies the name; each thread has its own. */
#include "guest.h"
#include <pthread.h>
#include <sys/prctl.h>
static void *rename_thread(void *unused) {
    char name[17] = {0};
    CHECK(prctl(PR_GET_NAME, name));
    EXPECT(strcmp(name, "a-name-of-fifte") == 0);
    CHECK(prctl(PR_SET_NAME, "thread"));
    return unused;
}
int main(void) {
    char name[17] = {0};
    CHECK(prctl(PR_SET_NAME, "a-name-of-fifteen-and-more"));
    pthread_t thread;
    pthread_create(&thread, 0, rename_thread, 0);
    pthread_join(thread, 0);
    CHECK(prctl(PR_GET_NAME, name));
    EXPECT(strcmp(name, "a-name-of-fifte") == 0);
    pid_t pid = CHECK(fork());
    if (!pid) { prctl(PR_GET_NAME, name); prctl(PR_SET_NAME, "child"); _exit(strcmp(name, "a-name-of-fifte")); }
    EXPECT(reap(pid) == 0);
    EXPECT_ERRNO(prctl(PR_SET_NAME, nowhere()), EFAULT);
    EXPECT_ERRNO(prctl(99999), EINVAL);
    return 0;
}
