/* elfuse: oracle=skip(qemu-user cannot execute its own /proc/self/exe) */
/* execve(2): arguments and environment arrive byte by byte, empty and odd strings included. */
#include "guest.h"
extern char **environ;
static char *const arguments[] = {"", "", "two words", "\xff\xfe\n\t'\"\\", "--", "last", 0};
static char *const variables[] = {"A=1", "EMPTY=", "NOEQUALS", "A=2", "UTF=\xc3\xa9", 0};
static void same(char *const *got, char *const *wanted) {
    for (; *wanted; got++, wanted++) EXPECT(*got && strcmp(*got, *wanted) == 0);
    EXPECT(*got == 0);
}
int main(int argc, char **argv) {
    if (argc != 1) {
        EXPECT(argc == 6);
        same(argv, arguments);
        same(environ, variables);
        EXPECT(strcmp(getenv("A"), "1") == 0 && getenv("NOEQUALS") == 0);
        return 0;
    }
    CHECK(execve("/proc/self/exe", arguments, variables));
}
