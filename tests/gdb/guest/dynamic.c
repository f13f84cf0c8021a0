/* Calls puts(3) of the C library, which is found at run time. */
#include <stdio.h>
#include <stdlib.h>

int main(void) {
    puts("dynamic");
    return abs(-5);
}
