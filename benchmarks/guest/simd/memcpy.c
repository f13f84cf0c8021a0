/* The C library's memcpy: small, unaligned and page-sized blocks. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { SIZE = 1 << 18, ROUNDS = 6000 };
static unsigned char from[SIZE + 64], to[SIZE + 64];

int main(void)
{
    static const int lengths[] = {24, 100, 260, 1000, 4096, 40000};
    for (int i = 0; i < SIZE + 64; i++)
        from[i] = (unsigned char)(i * 31 + (i >> 9));
    uint64_t sum = 0;
    for (int round = 0; round < ROUNDS; round++)
        for (unsigned kind = 0; kind < sizeof lengths / sizeof *lengths; kind++) {
            int length = lengths[kind], times = 1 + 20000 / length;
            for (int i = 0; i < times; i++) {
                int at = (round * 977 + i * length) % (SIZE - 40000);
                memcpy(to + at + (i & 7), from + at + (round & 15), length);
            }
            sum = sum * 31 + to[(round * 977 + 12) % SIZE];
        }
    printf("%016llx\n", (unsigned long long)sum);
    return 0;
}
