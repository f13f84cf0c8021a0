/* mprotect(2), cache maintenance: code that a program writes, changes. For aarch64 only. */
#include "fault.h"
static void return_number(uint32_t *at, unsigned number) {
    at[0] = 0x52800000 | number << 5;
    at[1] = 0xd65f03c0;
}
int main(void) {
    int (*run)(void);
    uint32_t *code = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    run = (int (*)(void))code;
    catch_faults();
    for (unsigned i = 1; i < 6; i++) {
        return_number(code, i);
        EXPECT_FAULT(run(), SIGSEGV, SEGV_ACCERR, code);
        CHECK(mprotect(code, 4096, PROT_READ | PROT_EXEC));
        __builtin___clear_cache((char *)code, (char *)(code + 2));
        EXPECT(run() == (int)i);
        EXPECT_FAULT(STORE(code), SIGSEGV, SEGV_ACCERR, code);
        CHECK(mprotect(code, 4096, PROT_READ | PROT_WRITE));
    }
    uint32_t *both = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(both != MAP_FAILED);
    for (unsigned i = 1; i < 6; i++) {
        return_number(both, 10 * i);
        __builtin___clear_cache((char *)both, (char *)(both + 2));
        EXPECT(((int (*)(void))both)() == 10 * (int)i);
    }
    pid_t pid = CHECK(fork());
    if (!pid) { return_number(both, 7); __builtin___clear_cache((char *)both, (char *)(both + 2)); _exit(((int (*)(void))both)()); }
    EXPECT(reap(pid) == 7 && ((int (*)(void))both)() == 50);
    return 0;
}
