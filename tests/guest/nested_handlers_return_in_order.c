/* sigaction(2): sa_mask blocks during the handler; what it lets through nests; the mask comes back after. */
#include "guest.h"
static char order[16];
static void say(char letter) { order[strlen(order)] = letter; }
static void inner(int signo) { say(signo == SIGUSR2 ? '2' : '3'); }
static void outer(int signo) {
    sigset_t mask;
    say('(');
    sigprocmask(0, 0, &mask);
    EXPECT(sigismember(&mask, signo) && sigismember(&mask, SIGUSR2) && !sigismember(&mask, SIGHUP));
    raise(SIGUSR2);
    raise(SIGHUP);
    say(')');
}
int main(void) {
    struct sigaction action = {.sa_handler = outer};
    sigset_t mask;
    sigaddset(&action.sa_mask, SIGUSR2);
    CHECK(sigaction(SIGUSR1, &action, 0));
    on_signal(SIGUSR2, inner, 0);
    on_signal(SIGHUP, inner, 0);
    raise(SIGUSR1);
    EXPECT(strcmp(order, "(3)2") == 0);
    sigprocmask(0, 0, &mask);
    EXPECT(!sigismember(&mask, SIGUSR1) && !sigismember(&mask, SIGUSR2));
    return 0;
}
