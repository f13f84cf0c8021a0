/* elfuse: dynamic, flags=-static-pie */
/* A static position-independent program relocates itself. */
#include "guest.h"
static int value = 41;
static int *pointer = &value;
static __thread int local = 5;
int main(void) {
    ++*pointer;
    EXPECT(value == 42 && local == 5);
    return 0;
}
