/* Integer arithmetic, branches and memory: a sieve of argv[1] numbers. */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    (void)argc;
    long limit = atol(argv[1]), count = 0;
    unsigned char *composite = calloc(limit, 1);
    if (!composite) return 1;
    for (long n = 2; n < limit; n++) {
        if (composite[n]) continue;
        count++;
        for (long multiple = n * n; multiple < limit; multiple += n) composite[multiple] = 1;
    }
    printf("%ld\n", count);
    return 0;
}
