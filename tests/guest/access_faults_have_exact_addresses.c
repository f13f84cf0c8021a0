/* sigaction(2): SEGV_MAPERR, SEGV_ACCERR and the address for loads, stores, pairs and calls. */
#include "fault.h"
int main(void) {
    char *p = mmap(0, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(p != MAP_FAILED);
    CHECK(mprotect(p + 4096, 4096, PROT_NONE));
    CHECK(mprotect(p + 2 * 4096, 4096, PROT_READ));
    CHECK(munmap(p + 3 * 4096, 4096));
    catch_faults();
    EXPECT_FAULT(LOAD(p + 4096 + 123), SIGSEGV, SEGV_ACCERR, p + 4096 + 123);
    EXPECT_FAULT(STORE(p + 4096), SIGSEGV, SEGV_ACCERR, p + 4096);
    EXPECT_FAULT(STORE(p + 3 * 4096 - 1), SIGSEGV, SEGV_ACCERR, p + 3 * 4096 - 1);
    EXPECT_FAULT(LOAD(p + 3 * 4096), SIGSEGV, SEGV_MAPERR, p + 3 * 4096);
    EXPECT_FAULT(STORE(p + 3 * 4096 + 4095), SIGSEGV, SEGV_MAPERR, p + 3 * 4096 + 4095);
    EXPECT_FAULT(LOAD(nowhere()), SIGSEGV, SEGV_MAPERR, nowhere());
    EXPECT_FAULT(((void (*)(void))(p + 3 * 4096))(), SIGSEGV, SEGV_MAPERR, p + 3 * 4096);
    EXPECT_FAULT(((void (*)(void))p)(), SIGSEGV, SEGV_ACCERR, p);
    EXPECT(FAULT(LOAD(p + 4095)) == 0 && FAULT(STORE(p)) == 0 && FAULT(LOAD(p + 2 * 4096)) == 0);
    typedef struct { uint64_t word __attribute__((packed)); } unaligned;
    EXPECT(FAULT(((volatile unaligned *)(p + 4093))->word) == SIGSEGV);
    EXPECT(fault_info.si_addr >= (void *)(p + 4093) && fault_info.si_addr <= (void *)(p + 4100));
    return 0;
}
