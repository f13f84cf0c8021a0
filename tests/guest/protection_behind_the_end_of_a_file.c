/* mprotect(2) of pages that a file does not have yet: they have the new protection once they appear. */
/* elfuse: oracle=skip(qemu-user 7.2 ends in an assertion when calls store there) */
#include "fault.h"
#include <sys/utsname.h>

enum { PAGE = 4096 };

/* The kernel stores into a page. */
static int stores(void *at) { return uname(at); }

int main(void) {
    catch_faults();
    char path[64];
    int fd = scratch(path), reader = CHECK(open(path, O_RDONLY));
    CHECK(write(fd, "x", 1));
    char *pages = mmap(0, 4 * PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, reader, 0);
    EXPECT(pages != MAP_FAILED);
    CHECK(mprotect(pages + PAGE, PAGE, PROT_NONE));
    CHECK(mprotect(pages + 2 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE));
    EXPECT_FAULT(LOAD(pages + PAGE), SIGSEGV, SEGV_ACCERR, pages + PAGE);
    EXPECT_FAULT(LOAD(pages + 2 * PAGE), SIGBUS, BUS_ADRERR, pages + 2 * PAGE);
    EXPECT_ERRNO(stores(pages + 2 * PAGE), EFAULT);
    CHECK(ftruncate(fd, 4 * PAGE));
    CHECK(stores(pages + 2 * PAGE));
    EXPECT_FAULT(LOAD(pages + PAGE), SIGSEGV, SEGV_ACCERR, pages + PAGE);
    EXPECT(LOAD(pages) == 'x' && LOAD(pages + 3 * PAGE) == 0);
    CHECK(munmap(pages, 4 * PAGE));
    CHECK(close(reader));
    CHECK(close(fd));
    CHECK(unlink(path));
    return 0;
}
