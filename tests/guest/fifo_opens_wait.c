/* fifo(7): opening waits for the other end; ENXIO without a reader. */
#include "guest.h"
int main(void) {
    char path[64];
    sprintf(path, "/tmp/guest-fifo-%d", getpid());
    CHECK(mkfifo(path, 0600));
    EXPECT_ERRNO(open(path, O_WRONLY | O_NONBLOCK), ENXIO);
    pid_t pid = CHECK(fork());
    if (!pid) {
        int out = CHECK(open(path, O_WRONLY));
        CHECK(write(out, "through", 7));
        _exit(0);
    }
    int in = CHECK(open(path, O_RDONLY));
    char text[16] = {0};
    EXPECT(read(in, text, sizeof text) == 7 && strcmp(text, "through") == 0);
    EXPECT(read(in, text, sizeof text) == 0);
    EXPECT(reap(pid) == 0);
    CHECK(unlink(path));
    return 0;
}
