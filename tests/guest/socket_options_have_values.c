/* socket(7), tcp(7): options read back, doubled buffer sizes, timeouts, lengths, errors. */
#include "guest.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
static int get(int fd, int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    CHECK(getsockopt(fd, level, name, &value, &size));
    EXPECT(size == sizeof value);
    return value;
}
static void set(int fd, int level, int name, int value) { CHECK(setsockopt(fd, level, name, &value, sizeof value)); }
int main(void) {
    int tcp = CHECK(socket(AF_INET, SOCK_STREAM, 0)), local = CHECK(socket(AF_UNIX, SOCK_SEQPACKET, 0)), value = 0;
    EXPECT(get(tcp, SOL_SOCKET, SO_TYPE) == SOCK_STREAM && get(tcp, SOL_SOCKET, SO_DOMAIN) == AF_INET);
    EXPECT(get(tcp, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP && get(local, SOL_SOCKET, SO_DOMAIN) == AF_UNIX);
    EXPECT(get(local, SOL_SOCKET, SO_TYPE) == SOCK_SEQPACKET && get(tcp, SOL_SOCKET, SO_ACCEPTCONN) == 0);
    EXPECT(get(tcp, SOL_SOCKET, SO_ERROR) == 0 && get(tcp, SOL_SOCKET, SO_REUSEADDR) == 0);
    set(tcp, SOL_SOCKET, SO_REUSEADDR, 1);
    set(tcp, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(tcp, IPPROTO_TCP, TCP_NODELAY, 1);
    set(tcp, SOL_SOCKET, SO_RCVBUF, 10000);
    EXPECT(get(tcp, SOL_SOCKET, SO_REUSEADDR) == 1 && get(tcp, SOL_SOCKET, SO_KEEPALIVE) == 1);
    EXPECT(get(tcp, IPPROTO_TCP, TCP_NODELAY) == 1 && get(tcp, SOL_SOCKET, SO_RCVBUF) == 20000);
    struct timeval limit = {0, 20000}, got;
    socklen_t size = sizeof got;
    CHECK(setsockopt(local, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
    CHECK(getsockopt(local, SOL_SOCKET, SO_RCVTIMEO, &got, &size));
    EXPECT(got.tv_sec == 0 && got.tv_usec == 20000 && size == sizeof got);
    int pair[2];
    char byte;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    CHECK(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
    int64_t start = now_ns();
    EXPECT_ERRNO(recv(pair[0], &byte, 1, 0), EAGAIN);
    EXPECT(now_ns() - start >= 19000000);
    CHECK(listen(tcp, 1));
    EXPECT(get(tcp, SOL_SOCKET, SO_ACCEPTCONN) == 1);
    size = 1;
    CHECK(getsockopt(tcp, SOL_SOCKET, SO_TYPE, &value, &size));
    EXPECT(size == 1 && (value & 255) == SOCK_STREAM);
    EXPECT_ERRNO(setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &value, 2), EINVAL);
    EXPECT_ERRNO(setsockopt(tcp, SOL_SOCKET, 9999, &value, 4), ENOPROTOOPT);
    EXPECT_ERRNO(getsockopt(tcp, SOL_SOCKET, 9999, &value, &size), ENOPROTOOPT);
    EXPECT_ERRNO(getsockopt(0, SOL_SOCKET, SO_TYPE, &value, &size), ENOTSOCK);
    EXPECT_ERRNO(socket(AF_INET, 77, 0), EINVAL);
    EXPECT_ERRNO(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
    EXPECT_ERRNO(socket(999, SOCK_STREAM, 0), EAFNOSUPPORT);
    return 0;
}
