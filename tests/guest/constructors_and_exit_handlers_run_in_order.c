/* atexit(3): constructors by priority, exit handlers in reverse, destructors last; _exit runs none. */
#include "guest.h"
static int ends[2];
static void say(char letter) { CHECK(write(ends[1], &letter, 1)); }
__attribute__((constructor(201))) static void second(void) { EXPECT(ends[1]); }
__attribute__((constructor(200))) static void first(void) { CHECK(pipe(ends)); }
static int talking;
__attribute__((destructor)) static void last(void) { if (talking) say('d'); }
static void one(void) { say('1'); }
static void two(void) { say('2'); atexit(one); }
static void told(int status, void *argument) { EXPECT(status == 9); say(*(char *)argument); }
int main(void) {
    char text[16] = {0};
    pid_t pid = CHECK(fork());
    if (!pid) {
        talking = 1;
        atexit(two);
        on_exit(told, "x");
        exit(9);
    }
    EXPECT(reap(pid) == 9);
    EXPECT(CHECK(read(ends[0], text, 15)) == 4 && strcmp(text, "x21d") == 0);
    pid = CHECK(fork());
    if (!pid) { talking = 1; atexit(one); say('q'); _exit(8); }
    EXPECT(reap(pid) == 8 && CHECK(read(ends[0], text, 15)) == 1 && text[0] == 'q');
    return 0;
}
