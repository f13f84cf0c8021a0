/* The C library's strlen, strchr and memchr over strings of 3 to 4000 characters. */
#include <stdio.h>
#include <string.h>

enum { ROUNDS = 24000 };
static char text[8192];

int main(void)
{
    static const int lengths[] = {3, 14, 40, 90, 250, 1000, 4000};
    unsigned long sum = 0;
    for (int round = 0; round < ROUNDS; round++)
        for (unsigned kind = 0; kind < sizeof lengths / sizeof *lengths; kind++) {
            char *string = text + (round & 63);
            int length = lengths[kind];
            memset(string, 'a' + (round & 15), length);
            string[length - 1] = 'z';
            string[length] = 0;
            sum += strlen(string);
            sum += strchr(string, 'z') - string;
            sum += (char *)memchr(string, 0, sizeof text - 64) - string;
        }
    printf("%lu\n", sum);
    return 0;
}
