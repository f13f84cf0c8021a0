/* elfuse: threads */
/* pthread_atfork(3): prepare in reverse, parent and child in order; locks held by the handlers are usable after. */
#include "guest.h"
#include <pthread.h>
static char text[16];
static void say(char letter) { text[strlen(text)] = letter; }
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void prepare1(void) { say('p'); pthread_mutex_lock(&lock); }
static void prepare2(void) { say('P'); }
static void parent1(void) { pthread_mutex_unlock(&lock); say('a'); }
static void parent2(void) { say('A'); }
static void child1(void) { pthread_mutex_unlock(&lock); say('c'); }
static void child2(void) { say('C'); }
static volatile int stop;
static void *contend(void *unused) {
    while (!stop) { pthread_mutex_lock(&lock); usleep(100); pthread_mutex_unlock(&lock); usleep(100); }
    return unused;
}
int main(void) {
    pthread_t thread;
    EXPECT(pthread_atfork(prepare1, parent1, child1) == 0 && pthread_atfork(prepare2, parent2, child2) == 0);
    EXPECT(pthread_create(&thread, 0, contend, 0) == 0);
    for (int i = 0; i < 5; i++) {
        memset(text, 0, sizeof text);
        pid_t pid = CHECK(fork());
        if (!pid) {
            EXPECT(strcmp(text, "PpcC") == 0 && pthread_mutex_trylock(&lock) == 0);
            _exit(0);
        }
        EXPECT(strcmp(text, "PpaA") == 0 && reap(pid) == 0);
    }
    stop = 1;
    pthread_join(thread, 0);
    return 0;
}
