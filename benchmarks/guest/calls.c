/* Nanoseconds that a system call takes: argv[1] names it, argv[2] says how often it is made. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static char byte[2];
static int null, zero, file, pipe_ends[2], word;

static long call_getpid(void) { return syscall(SYS_getpid); }
static long call_getuid(void) { return syscall(SYS_getuid); }
static long call_getppid(void) { return syscall(SYS_getppid); }
static long call_clock_gettime(void) {
    struct timespec at;
    return syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &at);
}
static long call_read_file(void) { return read(file, byte, 1) < 0; }
static long call_read_zero(void) { return read(zero, byte, 1) - 1; }
static long call_write_null(void) { return write(null, byte, 1) - 1; }
static long call_writev_null(void) {
    struct iovec parts[2] = {{byte, 1}, {byte + 1, 1}};
    return writev(null, parts, 2) - 2;
}
static long call_pread(void) { return pread(file, byte, 1, 7) - 1; }
static long call_pwrite(void) { return pwrite(file, byte, 1, 7) - 1; }
static long call_lseek(void) { return lseek(file, 7, SEEK_SET) - 7; }
static long call_pipe(void) {
    return write(pipe_ends[1], byte, 1) - 1 || read(pipe_ends[0], byte, 1) - 1;
}
static long call_sigprocmask(void) {
    static const unsigned long set = 1 << (SIGUSR1 - 1);
    unsigned long old;
    static int how;
    return syscall(SYS_rt_sigprocmask, how ^= 1, &set, &old, sizeof old);
}
static long call_futex_wake(void) { return syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1); }
static long call_futex_wait(void) {
    return syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 1, NULL) + 1;
}
static long call_fstat(void) {
    struct stat found;
    return fstat(file, &found);
}
static long call_fcntl(void) { return fcntl(file, F_GETFD); }
static long call_brk(void) { return syscall(SYS_brk, 0) == 0; }
static long call_sigaction(void) {
    struct sigaction old;
    return sigaction(SIGUSR1, NULL, &old);
}
static long call_dup(void) { return close(dup(file)); }
static long call_open(void) { return close(open("/dev", O_RDONLY | O_DIRECTORY)); }
static long call_stat(void) {
    struct stat found;
    return stat("/dev/null", &found);
}
static long call_mmap(void) {
    return munmap(mmap(NULL, 1 << 16, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1 << 16);
}
static long call_madvise(void) {
    static char *area;
    if (!area) area = mmap(NULL, 1 << 16, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return madvise(area, 1 << 16, MADV_DONTNEED);
}

static const struct {
    const char *name;
    long (*make)(void);
} calls[] = {
    {"getpid", call_getpid},
    {"getuid", call_getuid},
    {"getppid", call_getppid},
    {"clock_gettime", call_clock_gettime},
    {"read file", call_read_file},
    {"read /dev/zero", call_read_zero},
    {"write /dev/null", call_write_null},
    {"writev /dev/null", call_writev_null},
    {"pread64", call_pread},
    {"pwrite64", call_pwrite},
    {"lseek", call_lseek},
    {"write+read pipe", call_pipe},
    {"rt_sigprocmask", call_sigprocmask},
    {"futex wake", call_futex_wake},
    {"futex wait, changed", call_futex_wait},
    {"fstat", call_fstat},
    {"fcntl F_GETFD", call_fcntl},
    {"brk", call_brk},
    {"rt_sigaction", call_sigaction},
    {"dup+close", call_dup},
    {"open+close", call_open},
    {"stat", call_stat},
    {"mmap+munmap", call_mmap},
    {"madvise", call_madvise},
};

int main(int argc, char **argv) {
    if (argc < 3) {
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) puts(calls[i].name);
        return 0;
    }
    null = open("/dev/null", O_WRONLY);
    zero = open("/dev/zero", O_RDONLY);
    char name[] = "calls.XXXXXX";
    file = mkstemp(name);
    unlink(name);
    if (null < 0 || zero < 0 || file < 0 || pipe(pipe_ends) || ftruncate(file, 1 << 24)) return 1;
    long (*make)(void) = NULL;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (!strcmp(calls[i].name, argv[1])) make = calls[i].make;
    if (!make) return 2;
    long count = atol(argv[2]);
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (long i = 0; i < count; i++)
        if (make()) {
            if (make != call_getpid && make != call_getuid && make != call_getppid) return 3;
        }
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%.1f\n",
           ((end.tv_sec - begin.tv_sec) * 1e9 + (end.tv_nsec - begin.tv_nsec)) / (double)count);
    return 0;
}
