/* elfuse: oracle=skip(qemu-user 7.2 has no close_range) */
/* close_range(2). */
#include "guest.h"
#include <linux/close_range.h>
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
int main(void) {
    for (int i = 50; i < 60; i++) CHECK(dup2(2, i));
    CHECK(syscall(SYS_close_range, 52, 54, 0));
    EXPECT(fcntl(51, F_GETFD) == 0 && fcntl(52, F_GETFD) == -1 && fcntl(54, F_GETFD) == -1 && fcntl(55, F_GETFD) == 0);
    CHECK(syscall(SYS_close_range, 55, 56, CLOSE_RANGE_CLOEXEC));
    EXPECT(fcntl(55, F_GETFD) == FD_CLOEXEC && fcntl(57, F_GETFD) == 0);
    EXPECT_ERRNO(syscall(SYS_close_range, 60, 50, 0), EINVAL);
    CHECK(syscall(SYS_close_range, 50, ~0U, 0));
    EXPECT(fcntl(50, F_GETFD) == -1 && fcntl(59, F_GETFD) == -1 && fcntl(2, F_GETFD) == 0);
    return 0;
}
