/* elfuse: oracle=skip(qemu-user keeps what brk gives back) */
/* brk(2): the system call answers with the end; what was given back faults and returns as zeroes. */
#include "fault.h"
extern char end[];
static char *raw_brk(char *to) { return (char *)syscall(SYS_brk, to); }
int main(void) {
    char *start = raw_brk(0);
    EXPECT(start >= end);
    char *page = (char *)(((uintptr_t)start + 4095) & -4096UL);
    EXPECT(raw_brk(page + 4 * 4096) == page + 4 * 4096 && raw_brk(0) == page + 4 * 4096);
    memset(page, 5, 4 * 4096);
    EXPECT(raw_brk(page + 4096 + 10) == page + 4096 + 10);
    catch_faults();
    EXPECT_FAULT(LOAD(page + 2 * 4096), SIGSEGV, SEGV_MAPERR, page + 2 * 4096);
    EXPECT(page[4096] == 5);
    EXPECT(raw_brk(page + 4 * 4096) == page + 4 * 4096 && page[2 * 4096] == 0 && page[4096] == 5);
    EXPECT(raw_brk((char *)4096) == page + 4 * 4096);
    char text[16384];
    EXPECT(strstr(slurp("/proc/self/maps", text, sizeof text), "[heap]"));
    pid_t pid = CHECK(fork());
    if (!pid) { EXPECT(raw_brk(page + 8 * 4096) == page + 8 * 4096); page[7 * 4096] = 1; _exit(0); }
    EXPECT(reap(pid) == 0 && raw_brk(0) == page + 4 * 4096);
    return 0;
}
