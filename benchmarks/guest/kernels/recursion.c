/* Fibonacci numbers the slow way: calls and returns. */
#include <stdio.h>

static __attribute__((noinline)) long fibonacci(long n)
{
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

int main(void)
{
    printf("%ld\n", fibonacci(38));
    return 0;
}
