/* unix(7): SOCK_DGRAM and SOCK_SEQPACKET messages are whole; MSG_TRUNC tells the length; empty messages arrive. */
#include "guest.h"
#include <sys/socket.h>
int main(void) {
    static const int types[] = {SOCK_DGRAM, SOCK_SEQPACKET};
    for (int i = 0; i < 2; i++) {
        int pair[2];
        char text[16];
        CHECK(socketpair(AF_UNIX, types[i], 0, pair));
        CHECK(send(pair[0], "first", 5, 0));
        CHECK(send(pair[0], "", 0, 0));
        CHECK(send(pair[0], "third message", 13, 0));
        EXPECT(CHECK(recv(pair[1], text, 16, MSG_PEEK)) == 5 && CHECK(recv(pair[1], text, 16, 0)) == 5);
        EXPECT(CHECK(recv(pair[1], text, 16, 0)) == 0);
        EXPECT(CHECK(recv(pair[1], text, 4, MSG_PEEK | MSG_TRUNC)) == 13);
        struct iovec parts[2] = {{text, 3}, {text + 8, 3}};
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
        EXPECT(CHECK(recvmsg(pair[1], &message, 0)) == 6 && (message.msg_flags & MSG_TRUNC));
        EXPECT(memcmp(text, "thi", 3) == 0 && memcmp(text + 8, "rd ", 3) == 0);
        EXPECT_ERRNO(recv(pair[1], text, 16, MSG_DONTWAIT), EAGAIN);
        CHECK(close(pair[1]));
        if (types[i] == SOCK_DGRAM) EXPECT_ERRNO(send(pair[0], "x", 1, MSG_NOSIGNAL), ECONNREFUSED);
        else EXPECT_ERRNO(send(pair[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    }
    return 0;
}
