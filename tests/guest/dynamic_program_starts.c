/* elfuse: dynamic */
/* ld.so(8): an interpreter and shared libraries from the sysroot. */
#include "guest.h"
#include <math.h>
static int constructed;
__attribute__((constructor)) static void construct(void) { constructed = 1; }
int main(void) {
    EXPECT(constructed);
    errno = 0;
    EXPECT(printf("%s", "") == 0);
    return 0;
}
