/* ipv6(7): TCP over ::1, IPV6_V6ONLY, mapped addresses; nothing to check where the host has no IPv6. */
#include "guest.h"
#include <netinet/in.h>
#include <sys/socket.h>
int main(void) {
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT}, peer;
    socklen_t size = sizeof address;
    int only = 1, listener = socket(AF_INET6, SOCK_STREAM, 0);
    if (listener == -1) { EXPECT(errno == EAFNOSUPPORT); return 0; }
    if (bind(listener, (struct sockaddr *)&address, size) == -1) { EXPECT(errno == EADDRNOTAVAIL); return 0; }
    CHECK(listen(listener, 1));
    CHECK(getsockname(listener, (struct sockaddr *)&address, &size));
    int client = CHECK(socket(AF_INET6, SOCK_STREAM, 0));
    CHECK(connect(client, (struct sockaddr *)&address, size));
    int server = CHECK(accept(listener, (struct sockaddr *)&peer, &size));
    EXPECT(size == sizeof peer && peer.sin6_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&peer.sin6_addr));
    CHECK(send(client, "six", 3, 0));
    char text[4];
    EXPECT(CHECK(recv(server, text, 4, 0)) == 3);
    int both = CHECK(socket(AF_INET6, SOCK_STREAM, 0));
    CHECK(setsockopt(both, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only));
    only = 0;
    size = sizeof only;
    CHECK(getsockopt(both, IPPROTO_IPV6, IPV6_V6ONLY, &only, &size));
    EXPECT(only == 1 && size == 4);
    return 0;
}
