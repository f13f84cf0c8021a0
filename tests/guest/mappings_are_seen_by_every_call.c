/* mmap(2), mprotect(2), munmap(2): what one call maps the next one finds, whatever reads, writes or lists it. */
#include "fault.h"
#include <sys/file.h>
#include <sys/utsname.h>

enum { PAGE = 4096, MANY = 600 };
static const int PRIVATE = MAP_PRIVATE, ZEROES = MAP_PRIVATE | MAP_ANONYMOUS;

static char *map(void *at, int pages, int protection, int flags, int fd) {
    char *made = mmap(at, (size_t)pages * PAGE, protection, flags, fd, 0);
    EXPECT(made != MAP_FAILED);
    return made;
}

/* Protection and name of the line of /proc/self/maps that begins at an address; NULL: no line does. */
static char *listed(const void *start) {
    static char text[65536];
    char wanted[32];
    snprintf(wanted, sizeof wanted, "%08lx-", (unsigned long)start);
    slurp("/proc/self/maps", text, sizeof text);
    char *line = strncmp(text, wanted, strlen(wanted)) ? strstr(text, wanted) : text;
    if (line == NULL)
        return NULL;
    line[strcspn(line, "\n")] = 0;
    return strchr(line, ' ') + 1;
}

/* The kernel stores into a page. */
static int stores(void *at) { return uname(at); }
/* The kernel loads a path from there: is it the root's? */
static int loads(const char *at) { return access(at, X_OK) == -1 ? -1 : chdir(at); }

static void anonymous(void) {
    char *pages = map(0, 3, PROT_READ | PROT_WRITE, ZEROES, -1);
    CHECK(stores(pages + PAGE));
    CHECK(mprotect(pages + PAGE, PAGE, PROT_READ));
    EXPECT_ERRNO(stores(pages + PAGE), EFAULT);
    CHECK(stores(pages) | stores(pages + 2 * PAGE));
    EXPECT(strncmp(listed(pages), "rw-p", 4) == 0 && strncmp(listed(pages + PAGE), "r--p", 4) == 0);
    CHECK(mprotect(pages, 3 * PAGE, PROT_NONE));
    EXPECT_ERRNO(loads(pages), EFAULT);
    EXPECT_FAULT(LOAD(pages + 2 * PAGE), SIGSEGV, SEGV_ACCERR, pages + 2 * PAGE);
    CHECK(mprotect(pages, PAGE, PROT_READ | PROT_WRITE));
    CHECK(stores(pages));
    CHECK(munmap(pages, PAGE));
    EXPECT_ERRNO(stores(pages), EFAULT);
    EXPECT(listed(pages) == NULL && strncmp(listed(pages + PAGE), "---p", 4) == 0);
    EXPECT_FAULT(LOAD(pages), SIGSEGV, SEGV_MAPERR, pages);
    EXPECT(map(pages, 1, PROT_READ | PROT_WRITE, ZEROES | MAP_FIXED, -1) == pages);
    CHECK(stores(pages));
    CHECK(munmap(pages, 3 * PAGE));
    CHECK(munmap(pages, 3 * PAGE));
    EXPECT_ERRNO(mprotect(pages, PAGE, PROT_READ), ENOMEM);
}

/* The file is closed, its number used again and its name gone: the mapping is still of it. */
static void of_files(void) {
    char path[64], other[64];
    int fd = scratch(path), kept = scratch(other);
    CHECK(write(fd, "/\0first", 8));
    CHECK(write(kept, "/\0second", 9));
    CHECK(close(fd));
    fd = CHECK(open(path, O_RDONLY));
    char *first = map(0, 1, PROT_READ, PRIVATE, fd);
    CHECK(dup2(kept, fd));
    char *second = map(0, 1, PROT_READ | PROT_WRITE, PRIVATE, fd);
    CHECK(close(fd));
    CHECK(close(kept));
    EXPECT(strstr(listed(first), path) != NULL && strstr(listed(second), other) != NULL);
    CHECK(unlink(path));
    CHECK(unlink(other));
    EXPECT(loads(first) == 0 && loads(second) == 0);
    EXPECT(strcmp(first + 2, "first") == 0 && strcmp(second + 2, "second") == 0);
    EXPECT_ERRNO(stores((void *)first), EFAULT);
    CHECK(stores(second));
    pid_t child = CHECK(fork());
    if (child == 0) {
        CHECK(munmap(first, PAGE));
        EXPECT_ERRNO(loads(first), EFAULT);
        _exit(strcmp(second, "Linux"));
    }
    EXPECT(reap(child) == 0);
    EXPECT(loads(first) == 0 && strstr(listed(first), " (deleted)") != NULL);
    CHECK(munmap(first, PAGE) | munmap(second, PAGE));
    EXPECT(listed(first) == NULL && listed(second) == NULL);
}

/* A lock belongs to the description, which its last mapping keeps. */
static void locks_end_with_the_mapping(void) {
    char path[64];
    int other = scratch(path), fd = CHECK(open(path, O_RDONLY));
    CHECK(write(other, "x", 1));
    CHECK(flock(fd, LOCK_EX));
    char *page = map(0, 1, PROT_READ, PRIVATE, fd);
    CHECK(close(fd));
    EXPECT_ERRNO(flock(other, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    CHECK(munmap(page, PAGE));
    CHECK(flock(other, LOCK_EX | LOCK_NB));
    CHECK(flock(other, LOCK_UN));

    /* With its descriptor, if it was unmapped before it was locked. */
    fd = CHECK(open(path, O_RDONLY));
    CHECK(munmap(map(0, 1, PROT_READ, PRIVATE, fd), PAGE));
    CHECK(flock(fd, LOCK_EX));
    CHECK(close(fd));
    CHECK(flock(other, LOCK_EX | LOCK_NB));

    CHECK(close(other));
    CHECK(unlink(path));
}

/* A record lock outlives whatever was done to the file before it was taken. */
static void record_locks_are_kept(void) {
    char path[64];
    int other = scratch(path), fd = CHECK(open(path, O_RDONLY));
    CHECK(write(other, "x", 1));
    char *page = map(0, 1, PROT_READ, PRIVATE, fd);
    CHECK(close(fd));
    CHECK(munmap(page, PAGE));
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    CHECK(fcntl(other, F_SETLK, &lock));
    pid_t child = CHECK(fork());
    if (child == 0) {
        struct flock found = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        CHECK(fcntl(other, F_GETLK, &found));
        _exit(found.l_type == F_UNLCK || found.l_pid != getppid());
    }
    EXPECT(reap(child) == 0);
    CHECK(close(other));
    CHECK(unlink(path));
}

/* What was open for writing, and mapped, can be executed once neither is so. */
static void programs_are_let_go(void) {
    char path[64];
    int fd = scratch(path);
    EXPECT(write(fd, "#!/bin/true\n", 12) == 12);
    CHECK(fchmod(fd, 0755));
    char *page = map(0, 1, PROT_READ, PRIVATE, fd);
    CHECK(close(fd));
    CHECK(munmap(page, PAGE));
    pid_t child = CHECK(fork());
    if (child == 0) {
        execl(path, path, (char *)NULL);
        _exit(errno == ETXTBSY);
    }
    reap(child);
    pid_t other = CHECK(vfork());
    if (other == 0) {
        execl(path, path, (char *)NULL);
        _exit(errno == ETXTBSY ? 99 : 0);
    }
    EXPECT(reap(other) != 99);
    CHECK(unlink(path));
}

/* So many calls that nobody can put off taking note of them. */
static void many(void) {
    static char *all[MANY];
    for (int i = 0; i < MANY; i++) {
        all[i] = map(0, 2, PROT_READ | PROT_WRITE, ZEROES, -1);
        all[i][0] = (char)i;
        CHECK(mprotect(all[i] + PAGE, PAGE, PROT_NONE));
        char *held = sbrk(64);
        held[63] = 1;
    }
    for (int i = 0; i < MANY; i++) {
        EXPECT(all[i][0] == (char)i);
        CHECK(stores(all[i]));
        EXPECT_ERRNO(stores(all[i] + PAGE), EFAULT);
        CHECK(munmap(all[i], 2 * PAGE));
        EXPECT(i % 100 || listed(all[i]) == NULL);
    }
}

int main(void) {
    catch_faults();
    anonymous();
    of_files();
    programs_are_let_go();
    record_locks_are_kept();
    locks_end_with_the_mapping();
    many();
    anonymous();
    return 0;
}
