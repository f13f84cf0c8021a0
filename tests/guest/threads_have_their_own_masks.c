/* elfuse: threads */
/* pthread_sigmask(3): a process signal goes to a thread that does not block it; a thread's pending set is its own. */
#include "guest.h"
#include <pthread.h>
static volatile int taken_by, ready;
static pthread_t main_thread;
static void handler(int signo) { (void)signo; taken_by = gettid(); }
static void *work(void *unused) {
    sigset_t set, pending;
    pthread_sigmask(0, 0, &set);
    EXPECT(sigismember(&set, SIGUSR1) && sigismember(&set, SIGUSR2));
    sigpending(&pending);
    EXPECT(!sigismember(&pending, SIGUSR2));
    sigdelset(&set, SIGUSR1);
    pthread_sigmask(SIG_SETMASK, &set, 0);
    CHECK(kill(getpid(), SIGUSR1));
    while (!taken_by) usleep(1000);
    EXPECT(taken_by == gettid());
    pthread_kill(main_thread, SIGUSR1);
    ready = 1;
    return unused;
}
int main(void) {
    sigset_t set, pending;
    pthread_t thread;
    main_thread = pthread_self();
    on_signal(SIGUSR1, handler, 0);
    on_signal(SIGUSR2, handler, 0);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &set, 0);
    pthread_kill(main_thread, SIGUSR2);
    EXPECT(pthread_create(&thread, 0, work, 0) == 0 && pthread_join(thread, 0) == 0);
    sigpending(&pending);
    EXPECT(sigismember(&pending, SIGUSR1) && sigismember(&pending, SIGUSR2) && taken_by != getpid());
    pthread_sigmask(SIG_UNBLOCK, &set, 0);
    EXPECT(taken_by == getpid());
    return 0;
}
