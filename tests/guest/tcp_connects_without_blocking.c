/* connect(2), ip(7): EINPROGRESS and SO_ERROR, refused connections, EISCONN, accept4 flags, resets. */
#include "guest.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}, peer, own;
    socklen_t size = sizeof address;
    int error = -1, listener = CHECK(socket(AF_INET, SOCK_STREAM, 0));
    CHECK(bind(listener, (struct sockaddr *)&address, size));
    CHECK(getsockname(listener, (struct sockaddr *)&address, &size));
    int refused = CHECK(socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_ERRNO(connect(refused, (struct sockaddr *)&address, size), ECONNREFUSED);
    CHECK(listen(listener, 5));
    int client = CHECK(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    EXPECT(fcntl(client, F_GETFD) == FD_CLOEXEC && fcntl(client, F_GETFL) == (O_RDWR | O_NONBLOCK));
    int result = connect(client, (struct sockaddr *)&address, size);
    EXPECT(result == 0 || errno == EINPROGRESS);
    struct pollfd watched = {client, POLLOUT, 0};
    EXPECT(CHECK(poll(&watched, 1, 2000)) == 1 && watched.revents == POLLOUT);
    size = sizeof error;
    CHECK(getsockopt(client, SOL_SOCKET, SO_ERROR, &error, &size));
    EXPECT(error == 0 && size == 4);
    if (result == -1) CHECK(connect(client, (struct sockaddr *)&address, sizeof address)); /* tells it once */
    EXPECT_ERRNO(connect(client, (struct sockaddr *)&address, sizeof address), EISCONN);
    size = sizeof peer;
    int server = CHECK(accept4(listener, (struct sockaddr *)&peer, &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
    EXPECT(fcntl(server, F_GETFD) == FD_CLOEXEC && (fcntl(server, F_GETFL) & O_NONBLOCK));
    CHECK(getsockname(client, (struct sockaddr *)&own, &size));
    EXPECT(own.sin_port == peer.sin_port && peer.sin_family == AF_INET && size == sizeof own);
    char byte;
    EXPECT_ERRNO(recv(server, &byte, 1, 0), EAGAIN);
    EXPECT_ERRNO(accept4(listener, 0, 0, 0x1), EINVAL);
    struct linger now = {1, 0};
    CHECK(setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof now));
    CHECK(close(client));
    watched = (struct pollfd){server, POLLIN, 0};
    EXPECT(CHECK(poll(&watched, 1, 2000)) == 1);
    EXPECT_ERRNO(recv(server, &byte, 1, 0), ECONNRESET);
    EXPECT_ERRNO(getpeername(server, (struct sockaddr *)&peer, &size), ENOTCONN);
    EXPECT_ERRNO(connect(CHECK(socket(AF_INET, SOCK_STREAM, 0)), (struct sockaddr *)&address, 3), EINVAL);
    return 0;
}
