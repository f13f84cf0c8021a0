/* elfuse: oracle=skip(qemu-user 7.2 overwrites the MSG_CTRUNC that it sets) */
/* unix(7): a control buffer too small sets MSG_CTRUNC; MSG_CMSG_CLOEXEC; pending ones close with the socket. */
#include "guest.h"
#include <sys/socket.h>
static void pass(int through, const int *fds, int count) {
    char control[CMSG_SPACE(sizeof(int) * 4)] = {0};
    struct iovec part = {"p", 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(sizeof(int) * count)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int) * count)};
    memcpy(CMSG_DATA(header), fds, sizeof(int) * count);
    EXPECT(CHECK(sendmsg(through, &message, 0)) == 1);
}
int main(void) {
    int pair[2], ends[2], other[2];
    char byte, control[256] = {0};
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    CHECK(pipe(ends));
    CHECK(pipe(other));
    pass(pair[0], (int[]){ends[1], other[1]}, 2);
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_LEN(sizeof(int))};
    EXPECT(CHECK(recvmsg(pair[1], &message, MSG_CMSG_CLOEXEC)) == 1 && (message.msg_flags & MSG_CTRUNC));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    int got;
    EXPECT(header && header->cmsg_len == CMSG_LEN(sizeof(int)));
    memcpy(&got, CMSG_DATA(header), sizeof got);
    EXPECT(fcntl(got, F_GETFD) == FD_CLOEXEC);
    CHECK(close(other[1]));
    EXPECT(CHECK(read(other[0], &byte, 1)) == 0);
    CHECK(write(got, "y", 1));
    EXPECT(CHECK(read(ends[0], &byte, 1)) == 1 && byte == 'y');
    CHECK(close(got));
    pass(pair[0], &ends[1], 1);
    CHECK(close(ends[1]));
    CHECK(close(pair[1]));
    EXPECT(CHECK(read(ends[0], &byte, 1)) == 0);
    return 0;
}
