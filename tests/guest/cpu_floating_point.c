/* elfuse: flags=-O1 -frounding-math -lm */
/* Rounding, NaNs and division as Armv8 defines them. */
#include "guest.h"
#include <fenv.h>
#include <math.h>
__attribute__((noinline)) static double divide(volatile double *a, volatile double *b) { return *a / *b; }
int main(void) {
    volatile double one = 1, three = 3, zero = 0;
    fesetround(FE_UPWARD);
    volatile double up = divide(&one, &three);
    fesetround(FE_DOWNWARD);
    volatile double down = divide(&one, &three);
    fesetround(FE_TONEAREST);
    EXPECT(up > down);
    EXPECT(isnan(zero / zero) && isinf(one / zero));
    volatile int number = 7, nothing = 0;
    EXPECT(number / nothing == 0);
    feclearexcept(FE_ALL_EXCEPT);
    volatile double inexact = one / three;
    (void)inexact;
    EXPECT(fetestexcept(FE_INEXACT));
    volatile double big = 1e300;
    EXPECT((int64_t)big == INT64_MAX);
    return 0;
}
