/* sendmmsg(2), recvmmsg(2): counts, lengths, MSG_WAITFORONE and a timeout. */
#include "guest.h"
#include <sys/socket.h>
int main(void) {
    int pair[2];
    char text[4][8];
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    struct iovec out[3] = {{"a", 1}, {"bb", 2}, {"ccc", 3}}, in[4];
    struct mmsghdr messages[4] = {0};
    for (int i = 0; i < 3; i++) messages[i].msg_hdr = (struct msghdr){.msg_iov = &out[i], .msg_iovlen = 1};
    EXPECT(CHECK(sendmmsg(pair[0], messages, 3, 0)) == 3 && messages[2].msg_len == 3);
    for (int i = 0; i < 4; i++) {
        in[i] = (struct iovec){text[i], 8};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &in[i], .msg_iovlen = 1};
    }
    EXPECT(CHECK(recvmmsg(pair[1], messages, 2, 0, 0)) == 2 && messages[0].msg_len == 1 && messages[1].msg_len == 2);
    EXPECT(text[0][0] == 'a' && text[1][1] == 'b');
    EXPECT(CHECK(recvmmsg(pair[1], messages, 4, MSG_WAITFORONE, 0)) == 1 && messages[0].msg_len == 3);
    EXPECT_ERRNO(recvmmsg(pair[1], messages, 4, MSG_DONTWAIT, 0), EAGAIN);
    EXPECT_ERRNO(recvmmsg(99, messages, 4, 0, 0), EBADF);
    return 0;
}
