/* Primes below five million, 16 times: byte stores with a stride. */
#include <stdio.h>
#include <string.h>

enum { LIMIT = 5000000, ROUNDS = 16 };
static char composite[LIMIT];

int main(void)
{
    int primes = 0;
    for (int round = 0; round < ROUNDS; round++) {
        memset(composite, 0, sizeof composite);
        primes = 0;
        for (int i = 2; i < LIMIT; i++) {
            if (composite[i])
                continue;
            primes++;
            for (long j = 2L * i; j < LIMIT; j += i)
                composite[j] = 1;
        }
    }
    printf("%d\n", primes);
    return 0;
}
