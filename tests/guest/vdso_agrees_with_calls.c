/* elfuse: threads, oracle=skip(qemu-user 7.2 has no vDSO for aarch64) */
/* vdso(7): every clock, bad clocks and time zones as from the system calls; in several threads and after fork. */
#include "guest.h"
#include <elf.h>
#include <pthread.h>
#include <sys/auxv.h>
/* For aarch64 only: names of functions differ. */
static int (*get_time)(clockid_t, struct timespec *), (*get_resolution)(clockid_t, struct timespec *);
static int (*get_day)(struct timeval *, struct timezone *);
static void *find(const char *name) {
    char *base = (char *)getauxval(AT_SYSINFO_EHDR);
    Elf64_Ehdr *header = (Elf64_Ehdr *)base;
    EXPECT(base && ((uintptr_t)base & 4095) == 0 && memcmp(base, ELFMAG, 4) == 0 && header->e_type == ET_DYN);
    Elf64_Phdr *program = (Elf64_Phdr *)(base + header->e_phoff);
    Elf64_Dyn *dynamic = 0;
    for (int i = 0; i < header->e_phnum; i++)
        if (program[i].p_type == PT_DYNAMIC) dynamic = (Elf64_Dyn *)(base + program[i].p_vaddr);
    Elf64_Sym *symbols = 0;
    char *strings = 0;
    uint32_t *hash = 0;
    for (EXPECT(dynamic); dynamic->d_tag; dynamic++) {
        char *target = base + dynamic->d_un.d_ptr;
        if (dynamic->d_tag == DT_SYMTAB) symbols = (Elf64_Sym *)target;
        if (dynamic->d_tag == DT_STRTAB) strings = target;
        if (dynamic->d_tag == DT_HASH) hash = (uint32_t *)target;
    }
    for (uint32_t i = 1; i < hash[1]; i++)
        if (strcmp(strings + symbols[i].st_name, name) == 0) return base + symbols[i].st_value;
    EXPECT(!name);
    return 0;
}
static int64_t nanoseconds(struct timespec *time) { return time->tv_sec * 1000000000L + time->tv_nsec; }
static void *compare(void *unused) {
    static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME, CLOCK_TAI,
                                       CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_PROCESS_CPUTIME_ID,
                                       CLOCK_THREAD_CPUTIME_ID};
    for (unsigned i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        struct timespec before, between, after;
        CHECK(syscall(SYS_clock_gettime, clocks[i], &before));
        EXPECT(get_time(clocks[i], &between) == 0);
        CHECK(syscall(SYS_clock_gettime, clocks[i], &after));
        EXPECT(nanoseconds(&before) <= nanoseconds(&between) && nanoseconds(&between) <= nanoseconds(&after));
        CHECK(syscall(SYS_clock_getres, clocks[i], &before));
        EXPECT(get_resolution(clocks[i], &between) == 0 && nanoseconds(&before) == nanoseconds(&between));
    }
    struct timespec time;
    EXPECT(get_time(77, &time) == -EINVAL && get_resolution(77, &time) == -EINVAL);
    EXPECT(get_resolution(CLOCK_MONOTONIC, 0) == 0);
    struct timeval before, between, after;
    struct timezone zone = {1, 1};
    CHECK(syscall(SYS_gettimeofday, &before, 0));
    EXPECT(get_day(&between, &zone) == 0 && zone.tz_minuteswest == 0 && zone.tz_dsttime == 0);
    CHECK(syscall(SYS_gettimeofday, &after, 0));
    EXPECT(!timercmp(&before, &between, >) && !timercmp(&between, &after, >));
    return unused;
}
int main(void) {
    get_time = find("__kernel_clock_gettime");
    get_resolution = find("__kernel_clock_getres");
    get_day = find("__kernel_gettimeofday");
    pthread_t thread;
    EXPECT(pthread_create(&thread, 0, compare, 0) == 0);
    compare(0);
    pthread_join(thread, 0);
    pid_t pid = CHECK(fork());
    if (!pid) { compare(0); _exit(0); }
    EXPECT(reap(pid) == 0);
    return 0;
}
