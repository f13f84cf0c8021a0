/* Checks for guest programs: one behaviour a program, exit status 0 is a pass. */
#ifndef GUEST_H
#define GUEST_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
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
#define EXPECT(condition) expect_((condition), #condition, __FILE__, __LINE__)
#define EXPECT_ERRNO(call, number) \
    do { errno = 0; long v_ = (long)(call); expect_(v_ == -1 && errno == (number), #call " fails with " #number, __FILE__, __LINE__); } while (0)

/* The exit status of a child that must have exited. */
static inline int reap(pid_t pid) {
    int status;
    CHECK(waitpid(pid, &status, 0));
    EXPECT(WIFEXITED(status));
    return WEXITSTATUS(status);
}
/* Make `path` a fresh temporary file and open it. */
static inline int scratch(char *path) {
    strcpy(path, "/tmp/guest-XXXXXX");
    return (int)CHECK(mkstemp(path));
}
#endif
