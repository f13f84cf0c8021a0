/* elfuse: oracle=skip(qemu-user cannot execute its own /proc/self/exe) */
/* getauxval(3): AT_RANDOM has other bytes in each program. */
#include "guest.h"
#include <sys/auxv.h>
int main(int argc, char **argv) {
    char *own = (char *)getauxval(AT_RANDOM), text[40];
    for (int i = 0; i < 16; i++) sprintf(text + 2 * i, "%02x", own[i] & 255);
    if (argc > 1) {
        EXPECT(strlen(argv[1]) == 32 && strcmp(argv[1], text) != 0);
        return 0;
    }
    CHECK(execl("/proc/self/exe", argv[0], text, (char *)0));
}
