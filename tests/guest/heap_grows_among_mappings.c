/* brk(2): the heap grows in small steps and is seen by calls, by mappings around it, in maps, and by threads. */
/* elfuse: threads, oracle=skip(qemu-user shows its own /proc/self/maps) */
#include "fault.h"
#include <pthread.h>

enum { PAGE = 4096 };

static char *raw_brk(char *to) { return (char *)syscall(SYS_brk, to); }

static char *heap_in_maps(char **from) {
    static char text[65536];
    char *line = strstr(slurp("/proc/self/maps", text, sizeof text), "[heap]");
    EXPECT(line != NULL);
    while (line > text && line[-1] != '\n')
        line--;
    char *dash;
    *from = (char *)strtoul(line, &dash, 16);
    return (char *)strtoul(dash + 1, NULL, 16);
}

static void *allocate(void *count) {
    for (long i = 0; i < (long)count; i++) {
        size_t size = 1000 + i % 5000;
        char *memory = malloc(size);
        memset(memory, (int)i, size);
        if (memory[0] != (char)i || memory[size - 1] != (char)i)
            return (void *)1;
        if (i % 3)
            free(memory);
    }
    return NULL;
}

int main(void) {
    char *start = raw_brk(0), *first = (char *)(((uintptr_t)start + PAGE - 1) & -(uintptr_t)PAGE);
    EXPECT(raw_brk(first) == first);

    /* What the heap has grown by is accessible to calls. */
    int fd = CHECK(open("/dev/zero", O_RDONLY));
    for (int i = 1; i <= 100; i++) {
        char *end = first + i * PAGE;
        EXPECT(raw_brk(end) == end);
        end[-1] = 7;
        struct stat found;
        CHECK(fstat(fd, (struct stat *)(end - sizeof found)));
        EXPECT(((struct stat *)(end - sizeof found))->st_mode == 0020666);
    }

    /* Bytes within a page move the break and map nothing. */
    EXPECT(raw_brk(first + 100 * PAGE + 1) == first + 100 * PAGE + 1);
    EXPECT(raw_brk(first + 100 * PAGE + 100) == first + 100 * PAGE + 100);
    EXPECT(first[100 * PAGE + 200] == 0);
    EXPECT(raw_brk(0) == first + 100 * PAGE + 100);
    char *from;
    EXPECT(heap_in_maps(&from) == first + 101 * PAGE && from <= first);

    /* Behind the end there is nothing, for instructions and for calls. */
    catch_faults();
    EXPECT_FAULT(LOAD(first + 101 * PAGE), SIGSEGV, SEGV_MAPERR, first + 101 * PAGE);
    EXPECT_ERRNO(fstat(fd, (struct stat *)(first + 101 * PAGE)), EFAULT);

    /* A mapping in the way ends its growth, a page before; taking it away lets it go on. */
    char *wall = first + 120 * PAGE;
    EXPECT(mmap(wall, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == wall);
    EXPECT(raw_brk(wall - PAGE) == wall - PAGE);
    EXPECT(raw_brk(wall) == wall - PAGE && raw_brk(wall + PAGE) == wall - PAGE);
    EXPECT(wall[0] == 0 && first[118 * PAGE] == 0);
    CHECK(munmap(wall, PAGE));
    EXPECT(raw_brk(wall + 2 * PAGE) == wall + 2 * PAGE);
    wall[PAGE] = 7;

    /* A hole in the heap stays one, and advice goes for the rest. */
    CHECK(munmap(first + 10 * PAGE, PAGE));
    EXPECT(raw_brk(wall + 3 * PAGE) == wall + 3 * PAGE);
    EXPECT_FAULT(LOAD(first + 10 * PAGE), SIGSEGV, SEGV_MAPERR, first + 10 * PAGE);
    CHECK(madvise(wall, 3 * PAGE, MADV_DONTNEED));
    EXPECT(wall[PAGE] == 0);
    CHECK(mprotect(wall, PAGE, PROT_NONE));
    EXPECT(raw_brk(wall + 4 * PAGE) == wall + 4 * PAGE);
    EXPECT_FAULT(LOAD(wall), SIGSEGV, SEGV_ACCERR, wall);

    /* Parent and child have breaks of their own. */
    pid_t child = CHECK(fork());
    if (child == 0) {
        EXPECT(raw_brk(wall + 9 * PAGE) == wall + 9 * PAGE);
        wall[8 * PAGE] = 1;
        _exit(0);
    }
    EXPECT(reap(child) == 0 && raw_brk(0) == wall + 4 * PAGE);

    /* Giving back, and growing again. */
    wall[3 * PAGE] = 7;
    EXPECT(raw_brk(wall + PAGE) == wall + PAGE);
    EXPECT_FAULT(LOAD(wall + 3 * PAGE), SIGSEGV, SEGV_MAPERR, wall + 3 * PAGE);
    EXPECT(raw_brk(wall + 4 * PAGE) == wall + 4 * PAGE && wall[3 * PAGE] == 0);

    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        EXPECT(pthread_create(&threads[i], NULL, allocate, (void *)2000) == 0);
    for (int i = 0; i < 200; i++) {
        char *mapped = mmap(0, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        mapped[0] = mapped[2 * PAGE] = 1;
        CHECK(munmap(mapped, 3 * PAGE));
    }
    for (int i = 0; i < 4; i++) {
        void *failed;
        EXPECT(pthread_join(threads[i], &failed) == 0 && failed == NULL);
    }
    return 0;
}
