/* Names of AF_UNIX sockets (unix(7)): paths, relative ones, abstract ones, autobind, senders. */
#include "guest.h"
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

static socklen_t name(struct sockaddr_un *to, const char *path, int length) {
    memset(to, 0, sizeof *to);
    to->sun_family = AF_UNIX;
    memcpy(to->sun_path, path, length);
    return offsetof(struct sockaddr_un, sun_path) + length;
}

static int named(int which(int, struct sockaddr *, socklen_t *), int fd, const char *path, int length) {
    struct sockaddr_un found, wanted;
    socklen_t size = sizeof found, expected = name(&wanted, path, length);
    CHECK(which(fd, (struct sockaddr *)&found, &size));
    return size == expected && !memcmp(&found, &wanted, expected);
}

int main(void) {
    struct sockaddr_un address, sender;
    struct stat status;
    socklen_t size = name(&address, "relative", 8);
    umask(077);
    int listener = CHECK(socket(AF_UNIX, SOCK_STREAM, 0));
    CHECK(bind(listener, (struct sockaddr *)&address, size));
    EXPECT_ERRNO(bind(listener, (struct sockaddr *)&address, size), EADDRINUSE);
    CHECK(stat("relative", &status));
    EXPECT(status.st_mode == (S_IFSOCK | 0700));
    EXPECT_ERRNO(open("relative", O_RDWR), ENXIO);
    int client = CHECK(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_ERRNO(connect(client, (struct sockaddr *)&address, size), ECONNREFUSED);
    CHECK(listen(listener, 1));
    CHECK(connect(client, (struct sockaddr *)&address, size));
    int server = CHECK(accept(listener, 0, 0));
    EXPECT(named(getsockname, listener, "relative", 9) && named(getsockname, server, "relative", 9));
    EXPECT(named(getpeername, client, "relative", 9) && named(getpeername, server, "", 0));
    struct ucred peer;
    socklen_t length = sizeof peer;
    CHECK(getsockopt(server, SOL_SOCKET, SO_PEERCRED, &peer, &length));
    EXPECT(peer.pid == getpid() && peer.uid == getuid() && peer.gid == getgid());

    int other = CHECK(socket(AF_UNIX, SOCK_STREAM, 0));
    size = name(&address, "\0abstract", 9);
    CHECK(bind(other, (struct sockaddr *)&address, size));
    CHECK(listen(other, 1));
    EXPECT(named(getsockname, other, "\0abstract", 9));
    int caller = CHECK(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_ERRNO(connect(caller, (struct sockaddr *)&address, size - 1), ECONNREFUSED);
    CHECK(connect(caller, (struct sockaddr *)&address, size));

    char longest[108];
    memset(longest, 'y', sizeof longest);
    int far = CHECK(socket(AF_UNIX, SOCK_DGRAM, 0)), near = CHECK(socket(AF_UNIX, SOCK_DGRAM, 0));
    size = name(&address, longest, sizeof longest);
    CHECK(bind(far, (struct sockaddr *)&address, size));
    struct sockaddr_un any = {.sun_family = AF_UNIX};
    CHECK(bind(near, (struct sockaddr *)&any, sizeof any.sun_family));
    CHECK(sendto(near, "ask", 3, 0, (struct sockaddr *)&address, size));
    char text[8];
    length = sizeof sender;
    EXPECT(CHECK(recvfrom(far, text, 8, 0, (struct sockaddr *)&sender, &length)) == 3);
    EXPECT(length == 8 && sender.sun_path[0] == 0);
    CHECK(sendto(far, "answer", 6, 0, (struct sockaddr *)&sender, length));
    EXPECT(CHECK(recv(near, text, 8, 0)) == 6);
    size = name(&address, "nowhere/socket", 14);
    EXPECT_ERRNO(connect(near, (struct sockaddr *)&address, size), ENOENT);
    EXPECT_ERRNO(bind(caller, (struct sockaddr *)&address, size), ENOENT);
    return 0;
}
