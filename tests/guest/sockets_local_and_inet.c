/* unix(7), ip(7): connections, datagrams, passing descriptors, loopback TCP. */
#include "guest.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
int main(void) {
    int pair[2], ends[2];
    char byte = 0;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    CHECK(pipe(ends));
    char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec data = {"d", 1};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &ends[1], sizeof(int));
    pid_t pid = CHECK(fork());
    if (!pid) {
        struct iovec space = {&byte, 1};
        struct msghdr got = {.msg_iov = &space, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        memset(control, 0, sizeof control);
        EXPECT(recvmsg(pair[1], &got, 0) == 1 && byte == 'd');
        int fd;
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&got)), sizeof fd);
        CHECK(write(fd, "p", 1));
        _exit(0);
    }
    CHECK(sendmsg(pair[0], &message, 0));
    EXPECT(reap(pid) == 0);
    EXPECT(read(ends[0], &byte, 1) == 1 && byte == 'p');
    int listener = CHECK(socket(AF_INET, SOCK_STREAM, 0));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address));
    CHECK(listen(listener, 1));
    CHECK(getsockname(listener, (struct sockaddr *)&address, &size));
    EXPECT(address.sin_port != 0 && size == sizeof address);
    int client = CHECK(socket(AF_INET, SOCK_STREAM, 0));
    CHECK(connect(client, (struct sockaddr *)&address, sizeof address));
    int server = CHECK(accept(listener, 0, 0));
    CHECK(send(client, "tcp", 3, 0));
    char text[4] = {0};
    EXPECT(recv(server, text, 3, MSG_WAITALL) == 3 && strcmp(text, "tcp") == 0);
    CHECK(shutdown(client, SHUT_WR));
    EXPECT(recv(server, text, 3, 0) == 0);
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    sprintf(local.sun_path, "/tmp/guest-socket-%d", getpid());
    int named = CHECK(socket(AF_UNIX, SOCK_DGRAM, 0)), sender = CHECK(socket(AF_UNIX, SOCK_DGRAM, 0));
    CHECK(bind(named, (struct sockaddr *)&local, sizeof local));
    CHECK(sendto(sender, "dg", 2, 0, (struct sockaddr *)&local, sizeof local));
    EXPECT(recv(named, text, 3, 0) == 2);
    struct stat status;
    CHECK(stat(local.sun_path, &status));
    EXPECT(S_ISSOCK(status.st_mode));
    CHECK(unlink(local.sun_path));
    EXPECT_ERRNO(connect(sender, (struct sockaddr *)&local, sizeof local), ENOENT);
    return 0;
}
