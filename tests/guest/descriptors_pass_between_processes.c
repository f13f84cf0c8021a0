/* SCM_RIGHTS (unix(7)): every kind of description works in the process that receives it. */
#include "guest.h"
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

enum { PIPE, REGULAR, EVENT, MEMORY, DIRECTORY, SOCKET, DEVICE, TIMER, PATH, COUNT };

static void send_all(int through, const int *fds, int count) {
    char control[CMSG_SPACE(sizeof(int) * COUNT)] = {0};
    struct iovec data = {"take", 4};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control,
                             .msg_controllen = CMSG_SPACE(sizeof(int) * count)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(header), fds, sizeof(int) * count);
    EXPECT(CHECK(sendmsg(through, &message, 0)) == 4);
}

static void give(int through) {
    int fds[COUNT], pipe_ends[2], pair[2];
    CHECK(pipe(pipe_ends));
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    fds[PIPE] = pipe_ends[0];
    fds[REGULAR] = CHECK(open("passed", O_CREAT | O_RDWR, 0600));
    CHECK(write(fds[REGULAR], "0123456789", 10));
    CHECK(lseek(fds[REGULAR], 3, SEEK_SET));
    fds[EVENT] = CHECK(eventfd(5, 0));
    fds[MEMORY] = CHECK(memfd_create("memory", MFD_ALLOW_SEALING));
    CHECK(write(fds[MEMORY], "content", 7));
    fds[DIRECTORY] = CHECK(open(".", O_RDONLY | O_DIRECTORY));
    fds[SOCKET] = pair[0];
    fds[DEVICE] = CHECK(open("/dev/null", O_RDWR));
    fds[TIMER] = CHECK(timerfd_create(CLOCK_MONOTONIC, 0));
    struct itimerspec soon = {.it_value = {.tv_nsec = 1000000}};
    CHECK(timerfd_settime(fds[TIMER], 0, &soon, 0));
    fds[PATH] = CHECK(open(".", O_PATH));
    send_all(through, fds, COUNT);
    CHECK(write(pipe_ends[1], "piped", 5));
    CHECK(write(pair[1], "socket", 6));
    _exit(0);
}

int main(void) {
    int ends[2], fds[COUNT], status;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    if (!CHECK(fork()))
        give(ends[1]);
    CHECK(wait(&status));
    EXPECT(status == 0);
    char control[CMSG_SPACE(sizeof fds)], text[32] = {0};
    struct iovec data = {text, sizeof text};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control,
                             .msg_controllen = sizeof control};
    EXPECT(CHECK(recvmsg(ends[0], &message, MSG_CMSG_CLOEXEC)) == 4 && !memcmp(text, "take", 4));
    EXPECT(!(message.msg_flags & (MSG_CTRUNC | MSG_TRUNC)));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    EXPECT(header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof fds));
    memcpy(fds, CMSG_DATA(header), sizeof fds);

    EXPECT(CHECK(fcntl(fds[PIPE], F_GETFD)) == FD_CLOEXEC);
    EXPECT(CHECK(read(fds[PIPE], text, sizeof text)) == 5 && !memcmp(text, "piped", 5));
    EXPECT(CHECK(read(fds[PIPE], text, sizeof text)) == 0);
    EXPECT(CHECK(read(fds[REGULAR], text, 4)) == 4 && !memcmp(text, "3456", 4));
    uint64_t value;
    EXPECT(CHECK(read(fds[EVENT], &value, 8)) == 8 && value == 5);
    EXPECT(CHECK(pread(fds[MEMORY], text, sizeof text, 0)) == 7 && !memcmp(text, "content", 7));
    EXPECT(CHECK(fcntl(fds[MEMORY], F_GET_SEALS)) == 0);
    EXPECT(CHECK(openat(fds[DIRECTORY], "passed", O_RDONLY)) > 0);
    EXPECT(CHECK(read(fds[SOCKET], text, sizeof text)) == 6 && !memcmp(text, "socket", 6));
    EXPECT(CHECK(read(fds[DEVICE], text, 1)) == 0);
    EXPECT(CHECK(read(fds[TIMER], &value, 8)) == 8 && value == 1);
    EXPECT_ERRNO(read(fds[PATH], text, 1), EBADF);
    EXPECT(CHECK(openat(fds[PATH], "passed", O_RDONLY)) > 0);
    return 0;
}
