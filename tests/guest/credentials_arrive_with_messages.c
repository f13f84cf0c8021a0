/* unix(7): SO_PASSCRED and SCM_CREDENTIALS, SO_PEERCRED of pairs and connections. */
#include "guest.h"
#include <sys/socket.h>
int main(void) {
    int pair[2], on = 1;
    char byte, control[256];
    struct ucred peer;
    socklen_t size = sizeof peer;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    CHECK(getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &peer, &size));
    EXPECT(size == sizeof peer && peer.pid == getpid() && peer.uid == getuid() && peer.gid == getgid());
    CHECK(setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
    pid_t pid = CHECK(fork());
    if (!pid) { CHECK(write(pair[1], "x", 1)); _exit(0); }
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    EXPECT(CHECK(recvmsg(pair[0], &message, 0)) == 1);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    EXPECT(header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_CREDENTIALS && header->cmsg_len == CMSG_LEN(sizeof peer));
    memcpy(&peer, CMSG_DATA(header), sizeof peer);
    EXPECT(peer.pid == pid && peer.uid == getuid() && peer.gid == getgid() && reap(pid) == 0);
    return 0;
}
