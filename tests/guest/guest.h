/* Checks for guest programs: one behaviour a program, exit status 0 is a pass. */
#ifndef GUEST_H
#define GUEST_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static inline long check_(long value, const char *what, const char *file, int line) {
    if (value == -1) {
        fprintf(stderr, "%s:%d: %s: %s\n", file, line, what, strerror(errno));
        exit(1);
    }
    return value;
}
static inline void expect_(int holds, const char *what, const char *file, int line) {
    if (!holds) {
        fprintf(stderr, "%s:%d: %s does not hold (errno %d)\n", file, line, what, errno);
        exit(1);
    }
}
#define CHECK(call) check_((long)(call), #call, __FILE__, __LINE__)
#define EXPECT(condition) expect_(!!(condition), #condition, __FILE__, __LINE__)
#define EXPECT_ERRNO(call, number) \
    do { errno = 0; long v_ = (long)(call); expect_(v_ == -1 && errno == (number), #call " fails with " #number, __FILE__, __LINE__); } while (0)

/* The exit status of a child that must have exited. */
static inline int reap(pid_t pid) {
    int status;
    CHECK(waitpid(pid, &status, 0));
    EXPECT(WIFEXITED(status));
    return WEXITSTATUS(status);
}
/* The signal that ended a child. */
static inline int reap_signal(pid_t pid) {
    int status;
    CHECK(waitpid(pid, &status, 0));
    EXPECT(WIFSIGNALED(status));
    return WTERMSIG(status);
}
static inline void nap(int milliseconds) {
    struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    while (nanosleep(&left, &left) == -1 && errno == EINTR) {}
}
static inline int64_t now_ns(void) {
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now));
    return now.tv_sec * 1000000000L + now.tv_nsec;
}
/* A signal that a blocking call meets even if it starts late: again and again until interrupt_every(0). */
static inline void interrupt_every(int milliseconds) {
    struct itimerval often = {{0, milliseconds * 1000}, {0, milliseconds * 1000}};
    CHECK(setitimer(ITIMER_REAL, &often, 0));
}
static inline void on_signal(int signo, void handler(int), int flags) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    CHECK(sigaction(signo, &action, 0));
}
/* A whole small file as text. */
static inline char *slurp(const char *path, char *text, size_t room) {
    int fd = (int)CHECK(open(path, O_RDONLY | O_CLOEXEC));
    size_t size = 0;
    for (long got; size < room - 1 && (got = CHECK(read(fd, text + size, room - 1 - size))) > 0;) size += got;
    text[size] = 0;
    close(fd);
    return text;
}
/* An address that is in no mapping; the compiler does not know it. */
static inline void *nowhere(void) {
    static void *volatile address = (void *)16;
    return address;
}
/* Make `path` a fresh temporary file and open it. */
static inline int scratch(char *path) {
    strcpy(path, "/tmp/guest-XXXXXX");
    return (int)CHECK(mkstemp(path));
}
#endif
