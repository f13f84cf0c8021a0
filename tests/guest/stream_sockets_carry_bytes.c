/* unix(7), send(2), recv(2): MSG_PEEK, MSG_DONTWAIT, MSG_WAITALL, half-close, EPIPE, buffered data after close. */
#include "guest.h"
#include <sys/ioctl.h>
#include <sys/socket.h>
int main(void) {
    int pair[2], waiting;
    char text[32];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
    EXPECT(fcntl(pair[0], F_GETFD) == FD_CLOEXEC && (fcntl(pair[0], F_GETFL) & O_NONBLOCK) == 0);
    EXPECT_ERRNO(recv(pair[0], text, 1, MSG_DONTWAIT), EAGAIN);
    CHECK(send(pair[1], "abc", 3, 0));
    CHECK(send(pair[1], "def", 3, 0));
    EXPECT(CHECK(recv(pair[0], text, 2, MSG_PEEK)) == 2 && memcmp(text, "ab", 2) == 0);
    CHECK(ioctl(pair[0], FIONREAD, &waiting));
    EXPECT(waiting == 6 && CHECK(recv(pair[0], text, 4, 0)) == 4 && memcmp(text, "abcd", 4) == 0);
    pid_t pid = CHECK(fork());
    if (!pid) { nap(10); CHECK(send(pair[1], "ghij", 4, 0)); _exit(0); }
    EXPECT(CHECK(recv(pair[0], text, 6, MSG_WAITALL)) == 6 && memcmp(text, "efghij", 6) == 0 && reap(pid) == 0);
    CHECK(shutdown(pair[0], SHUT_RD));
    EXPECT_ERRNO(send(pair[1], "x", 1, MSG_NOSIGNAL), EPIPE);
    EXPECT(CHECK(recv(pair[0], text, 1, 0)) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    CHECK(send(pair[1], "left", 4, 0));
    CHECK(close(pair[1]));
    EXPECT(CHECK(recv(pair[0], text, 32, 0)) == 4 && CHECK(recv(pair[0], text, 32, 0)) == 0);
    EXPECT_ERRNO(send(pair[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    pid = CHECK(fork());
    if (!pid) { send(pair[0], "x", 1, 0); _exit(0); }
    EXPECT(reap_signal(pid) == SIGPIPE);
    return 0;
}
