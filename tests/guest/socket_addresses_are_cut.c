/* getsockname(2), accept(2): a short buffer gets the first bytes, and the length tells the whole; errors. */
#include "guest.h"
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
int main(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    struct sockaddr_un got;
    int listener = CHECK(socket(AF_UNIX, SOCK_STREAM, 0)), client = CHECK(socket(AF_UNIX, SOCK_STREAM, 0));
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address));
    CHECK(listen(listener, 1));
    memset(&got, '#', sizeof got);
    socklen_t size = 5;
    CHECK(getsockname(listener, (struct sockaddr *)&got, &size));
    EXPECT(size == 2 + 7 && memcmp(got.sun_path, "soc##", 5) == 0);
    CHECK(connect(client, (struct sockaddr *)&address, sizeof address));
    size = sizeof got;
    CHECK(getsockname(client, (struct sockaddr *)&got, &size));
    EXPECT(size == 2 && got.sun_family == AF_UNIX);
    size = sizeof got;
    int server = CHECK(accept(listener, (struct sockaddr *)&got, &size));
    EXPECT(size == 2);
    size = 0;
    CHECK(getpeername(client, (struct sockaddr *)&got, &size));
    EXPECT(size == 9);
    size = -1;
    EXPECT_ERRNO(getsockname(server, (struct sockaddr *)&got, &size), EINVAL);
    size = sizeof got;
    EXPECT_ERRNO(getsockname(server, nowhere(), &size), EFAULT);
    EXPECT_ERRNO(getpeername(listener, (struct sockaddr *)&got, &size), ENOTCONN);
    struct sockaddr_un second = {.sun_family = AF_UNIX, .sun_path = "second"};
    EXPECT_ERRNO(bind(listener, (struct sockaddr *)&second, sizeof second), EINVAL);
    CHECK(bind(listener, (struct sockaddr *)&address, 2)); /* asks for any name, and it has one */
    EXPECT_ERRNO(accept(client, 0, 0), EINVAL);
    EXPECT_ERRNO(connect(client, (struct sockaddr *)&address, sizeof address), EISCONN);
    EXPECT_ERRNO(listen(server, 1) == 0 ? -1 : -1, EINVAL);
    CHECK(unlink("socket"));
    return 0;
}
