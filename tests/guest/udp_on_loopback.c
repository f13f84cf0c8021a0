/* udp(7): names of senders, connected sockets, truncation, MSG_TRUNC, refused ports. */
#include "guest.h"
#include <netinet/in.h>
#include <sys/socket.h>
int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}, from;
    socklen_t size = sizeof address;
    char text[8];
    int server = CHECK(socket(AF_INET, SOCK_DGRAM, 0)), client = CHECK(socket(AF_INET, SOCK_DGRAM, 0));
    CHECK(bind(server, (struct sockaddr *)&address, size));
    CHECK(getsockname(server, (struct sockaddr *)&address, &size));
    EXPECT(CHECK(sendto(client, "0123456789", 10, 0, (struct sockaddr *)&address, size)) == 10);
    size = sizeof from;
    EXPECT(CHECK(recvfrom(server, text, 4, MSG_TRUNC, (struct sockaddr *)&from, &size)) == 10 && size == sizeof from);
    EXPECT(from.sin_addr.s_addr == htonl(INADDR_LOOPBACK) && from.sin_port);
    EXPECT_ERRNO(send(client, "x", 1, 0), EDESTADDRREQ);
    CHECK(connect(server, (struct sockaddr *)&from, sizeof from));
    CHECK(connect(client, (struct sockaddr *)&address, sizeof address));
    CHECK(send(server, "back", 4, 0));
    EXPECT(CHECK(recv(client, text, 8, 0)) == 4);
    CHECK(close(server));
    CHECK(send(client, "lost", 4, 0));
    EXPECT_ERRNO(recv(client, text, 8, 0), ECONNREFUSED);
    CHECK(connect(client, &(struct sockaddr){.sa_family = AF_UNSPEC}, sizeof(struct sockaddr)));
    EXPECT_ERRNO(getpeername(client, (struct sockaddr *)&from, &size), ENOTCONN);
    return 0;
}
