/* sigaction(2): si_code and si_addr of SIGSEGV and SIGBUS. */
#include "guest.h"
#include <setjmp.h>
static sigjmp_buf back;
static siginfo_t got;
static void handler(int signo, siginfo_t *info, void *context) {
    (void)signo; (void)context;
    got = *info;
    siglongjmp(back, 1);
}
static void touch(volatile char *address, int write_it) {
    if (sigsetjmp(back, 1)) return;
    if (write_it) *address = 1; else (void)*address;
    exit(1);
}
int main(void) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    CHECK(sigaction(SIGSEGV, &action, 0));
    CHECK(sigaction(SIGBUS, &action, 0));
    char *p = mmap(0, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    touch(p + 123, 1);
    EXPECT(got.si_signo == SIGSEGV && got.si_code == SEGV_ACCERR && got.si_addr == p + 123);
    CHECK(munmap(p, 8192));
    touch(p + 77, 0);
    EXPECT(got.si_signo == SIGSEGV && got.si_code == SEGV_MAPERR && got.si_addr == p + 77);
    char path[64];
    int fd = scratch(path);
    CHECK(unlink(path));
    CHECK(ftruncate(fd, 4096));
    p = mmap(0, 8192, PROT_READ, MAP_SHARED, fd, 0);
    touch(p + 4096 + 5, 0);
    EXPECT(got.si_signo == SIGBUS && got.si_code == BUS_ADRERR && got.si_addr == p + 4101);
    return 0;
}
