/* Runs the blobs of instructions that generate.py wrote and prints what they leave in registers and memory.
 *
 * harness FILE [FIRST COUNT]         a line for each blob: number, hash, faults
 * harness FILE probe                 a line for each blob: the words that raise a signal, as offset:signal
 * harness FILE iterations BLOB       the hash after each iteration
 * harness FILE prefixes BLOB I       the hash after 0, 1, 2... words of iteration I
 * harness FILE registers BLOB I N    all registers and the arena after N words of iteration I
 *
 * Addresses are fixed, so that hashes contain them. There is no C library: an engine that lacks instructions
 * can be tried on those it has. For aarch64 only. */
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>

/* As in generate.py. CODE has the way in, the blob, and the way out at EXIT. */
#define CODE 0x1000000000
#define BLOB (CODE + 0x400)
#define EXIT (CODE + 0x8000)
#define CONTEXT 0x1000010000
#define READ_ONLY 0x1000020000
#define SEGMENT 0x10000
#define GUARD (READ_ONLY + 2 * SEGMENT)
#define ARENA_SIZE 4096
#define ARENA (GUARD - ARENA_SIZE)
#define SET_SIZE 256

struct header {
    uint32_t magic, blobs, values, modes;
};
struct blob {
    uint64_t seed;
    uint32_t iterations, words, literals, unused;
};
/* Offsets are repeated in the assembly below. */
struct context {
    uint64_t general[31], sp; /* 0, 248 */
    uint64_t flags, fpcr, fpsr; /* 256 */
    uint64_t host_thread; /* 280 */
    const uint64_t *general_in; /* 288 */
    const uint64_t *vector_in; /* 296 */
    uint64_t thread_in, unused; /* 304 */
    uint64_t host[24]; /* 320 */
    __uint128_t vector[32]; /* 512 */
    uint64_t faults, fault_hash; /* not for the assembly */
};
_Static_assert(offsetof(struct context, host) == 320 && offsetof(struct context, vector) == 512, "as the assembly says");
#define context ((struct context *)CONTEXT)

/* enter(context) goes on to the blob behind it, by a branch because those lead to compiled code. The blob's last
 * word branches to leave, which returns to enter's caller. */
extern const char __attribute__((visibility("hidden"))) enter_code[], enter_end[], leave_code[], leave_end[];
__asm__(
    ".pushsection .rodata\n"
    ".balign 8\n"
    "enter_code:\n"
    "  stp x19, x20, [x0, #320]\n  stp x21, x22, [x0, #336]\n  stp x23, x24, [x0, #352]\n"
    "  stp x25, x26, [x0, #368]\n  stp x27, x28, [x0, #384]\n  stp x29, x30, [x0, #400]\n"
    "  str d8, [x0, #416]\n  str d9, [x0, #424]\n  str d10, [x0, #432]\n  str d11, [x0, #440]\n"
    "  str d12, [x0, #448]\n  str d13, [x0, #456]\n  str d14, [x0, #464]\n  str d15, [x0, #472]\n"
    "  mov x1, sp\n  str x1, [x0, #480]\n"
    "  mrs x1, tpidr_el0\n  str x1, [x0, #280]\n"
    "  ldr x1, [x0, #296]\n"
    "  .irp pair, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30\n"
    "  ldr q\\pair, [x1, #(16 * \\pair)]\n"
    "  .endr\n"
    "  .irp other, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31\n"
    "  ldr q\\other, [x1, #(16 * \\other)]\n"
    "  .endr\n"
    "  ldp x1, x2, [x0, #256]\n  msr nzcv, x1\n  msr fpcr, x2\n"
    "  ldr x1, [x0, #272]\n  msr fpsr, x1\n"
    "  ldr x1, [x0, #304]\n  msr tpidr_el0, x1\n"
    "  ldr x30, [x0, #288]\n"
    "  ldr x0, [x30, #248]\n  mov sp, x0\n"
    "  ldp x0, x1, [x30]\n  ldp x2, x3, [x30, #16]\n  ldp x4, x5, [x30, #32]\n  ldp x6, x7, [x30, #48]\n"
    "  ldp x8, x9, [x30, #64]\n  ldp x10, x11, [x30, #80]\n  ldp x12, x13, [x30, #96]\n"
    "  ldp x14, x15, [x30, #112]\n  ldp x16, x17, [x30, #128]\n  ldp x18, x19, [x30, #144]\n"
    "  ldp x20, x21, [x30, #160]\n  ldp x22, x23, [x30, #176]\n  ldp x24, x25, [x30, #192]\n"
    "  ldp x26, x27, [x30, #208]\n  ldp x28, x29, [x30, #224]\n  ldr x30, [x30, #240]\n"
    "  b enter_end\n"
    "enter_end:\n"
    "leave_code:\n"
    "  msr tpidr_el0, x30\n"
    "  movz x30, #0x10, lsl #32\n  movk x30, #1, lsl #16\n"
    "  stp x0, x1, [x30]\n  stp x2, x3, [x30, #16]\n  stp x4, x5, [x30, #32]\n  stp x6, x7, [x30, #48]\n"
    "  stp x8, x9, [x30, #64]\n  stp x10, x11, [x30, #80]\n  stp x12, x13, [x30, #96]\n"
    "  stp x14, x15, [x30, #112]\n  stp x16, x17, [x30, #128]\n  stp x18, x19, [x30, #144]\n"
    "  stp x20, x21, [x30, #160]\n  stp x22, x23, [x30, #176]\n  stp x24, x25, [x30, #192]\n"
    "  stp x26, x27, [x30, #208]\n  stp x28, x29, [x30, #224]\n"
    "  mrs x0, tpidr_el0\n  mov x1, sp\n  stp x0, x1, [x30, #240]\n"
    "  mrs x0, nzcv\n  mrs x1, fpcr\n  stp x0, x1, [x30, #256]\n"
    "  mrs x0, fpsr\n  ldr x1, [x30, #280]\n  str x0, [x30, #272]\n  msr tpidr_el0, x1\n"
    "  .irp reg, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23\n"
    "  str q\\reg, [x30, #(512 + 16 * \\reg)]\n"
    "  .endr\n"
    "  .irp reg, 24, 25, 26, 27, 28, 29, 30, 31\n"
    "  str q\\reg, [x30, #(512 + 16 * \\reg)]\n"
    "  .endr\n"
    "  ldr x1, [x30, #480]\n  mov sp, x1\n  msr fpcr, xzr\n"
    "  ldr d8, [x30, #416]\n  ldr d9, [x30, #424]\n  ldr d10, [x30, #432]\n  ldr d11, [x30, #440]\n"
    "  ldr d12, [x30, #448]\n  ldr d13, [x30, #456]\n  ldr d14, [x30, #464]\n  ldr d15, [x30, #472]\n"
    "  ldp x19, x20, [x30, #320]\n  ldp x21, x22, [x30, #336]\n  ldp x23, x24, [x30, #352]\n"
    "  ldp x25, x26, [x30, #368]\n  ldp x27, x28, [x30, #384]\n  ldp x29, x30, [x30, #400]\n"
    "  ret\n"
    "leave_end:\n"
    ".popsection\n");

static const struct header *header;
static const uint64_t *values, *modes;
static const struct blob *blob;
static uint32_t *code;

static long call(long number, long a, long b, long c, long d, long e, long f) {
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}
static _Noreturn void leave(int status) {
    for (;;) call(SYS_exit_group, status, 0, 0, 0, 0, 0);
}
/* GCC calls these two by itself, too. */
void *memcpy(void *to, const void *from, size_t size) {
    uint32_t *out = to;
    const uint32_t *in = from;
    for (size_t i = 0; i < size / 4; i++) {
        out[i] = in[i];
        __asm__ volatile("");
    }
    return to;
}
void *memset(void *to, int value, size_t size) {
    for (size_t i = 0; i < size; i++) {
        ((char *)to)[i] = (char)value;
        __asm__ volatile("");
    }
    return to;
}
static void clear_cache(uint64_t start, uint64_t size) {
    for (uint64_t at = start; at < start + size; at += 16) __asm__ volatile("dc cvau, %0" : : "r"(at) : "memory");
    __asm__ volatile("dsb ish" : : : "memory");
    for (uint64_t at = start; at < start + size; at += 16) __asm__ volatile("ic ivau, %0" : : "r"(at) : "memory");
    __asm__ volatile("dsb ish\n isb" : : : "memory");
}

static char text[1 << 16];
static size_t filled;
static void flush(void) {
    for (size_t done = 0; done < filled;) {
        long wrote = call(SYS_write, 1, (long)text + (long)done, (long)(filled - done), 0, 0, 0);
        if (wrote <= 0) leave(4);
        done += (size_t)wrote;
    }
    filled = 0;
}
static void put(char c) {
    if (filled == sizeof text) flush();
    text[filled++] = c;
}
static void put_string(const char *string) {
    while (*string) put(*string++);
}
static void put_hex(uint64_t value, int digits) {
    while (digits--) put("0123456789abcdef"[value >> 4 * digits & 15]);
}
static void put_decimal(uint64_t value) {
    char digits[20];
    int count = 0;
    do digits[count++] = '0' + value % 10;
    while (value /= 10);
    while (count--) put(digits[count]);
}

static uint64_t mix(uint64_t hash, uint64_t word) {
    hash = hash * 0x9e3779b97f4a7c15 + word;
    return hash ^ hash >> 29;
}
static uint64_t mix_all(uint64_t hash, const uint64_t *words, size_t count) {
    for (size_t i = 0; i < count; i += 2) hash = mix(hash * 0xd6e8feb86659fd93 + words[i], words[i + 1]);
    return hash;
}

static uint64_t stream;
static uint64_t next_random(void) {
    uint64_t z = stream += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static int probing;
static void on_fault(int signo, siginfo_t *info, void *at) {
    ucontext_t *saved = at;
    uint64_t pc = saved->uc_mcontext.pc, offset = (pc - BLOB) / 4;
    if (pc < BLOB || offset >= blob->words || pc % 4) {
        put_string("stray signal ");
        put_decimal((uint64_t)signo);
        put_string(" at ");
        put_hex(pc, 16);
        put_string(" address ");
        put_hex((uint64_t)info->si_addr, 16);
        put('\n');
        flush();
        leave(3);
    }
    if (probing) {
        put(' ');
        put_decimal(offset);
        put(':');
        put_decimal((uint64_t)signo);
    }
    /* qemu-user reports ILL_ILLOPN where Linux says ILL_ILLOPC. */
    uint64_t what = (uint64_t)signo | (signo == SIGILL ? 0 : (uint64_t)info->si_code << 8) | offset << 16;
    context->faults++;
    context->fault_hash = mix(mix(context->fault_hash, what), (uint64_t)info->si_addr);
    saved->uc_mcontext.pc = pc + 4;
}

/* Put the first `length` words of the blob where it runs; behind them is nothing but ways out. */
static void place(uint32_t length) {
    uint32_t *to = (uint32_t *)BLOB;
    memcpy(to, code, (blob->words + blob->literals) * 4);
    for (uint32_t i = length; i <= blob->words; i++) to[i] = 0x14000000 | (uint32_t)((EXIT - BLOB) / 4 - i);
    /* Literals are behind the word that leaves. */
    memcpy(to + blob->words + 1, code + blob->words, blob->literals * 4);
    clear_cache(BLOB, (blob->words + 1) * 4);
}
static void begin(uint32_t length) {
    stream = blob->seed;
    memcpy((void *)ARENA, values + next_random() % (header->values - ARENA_SIZE / 8), ARENA_SIZE);
    context->faults = context->fault_hash = 0;
    place(length);
}
static void iterate(void) {
    uint64_t random = next_random();
    uint32_t room = header->values - SET_SIZE;
    context->general_in = values + (uint32_t)random % room;
    context->vector_in = values + (random >> 32 & 0xffff) % (room / 8) * 8;
    context->flags = random >> 48 << 28 & 0xf0000000;
    context->fpcr = modes[(random >> 52) % header->modes];
    context->fpsr = random >> 62 ? 0 : 0x0800009f & ~(random >> 8);
    context->thread_in = random;
    ((void (*)(void *))CODE)(context);
}
static uint64_t hash_registers(uint64_t hash) {
    hash = mix_all(hash, context->general, 32);
    hash = mix_all(hash, (const uint64_t *)context->vector, 64);
    hash = mix(mix(hash, context->flags), context->fpcr);
    return mix(mix(hash, context->fpsr), context->fault_hash);
}
static uint64_t hash_arena(uint64_t hash) {
    return mix_all(hash, (const uint64_t *)ARENA, ARENA_SIZE / 8);
}

static const uint32_t *find(uint32_t number) {
    const uint32_t *at = (const uint32_t *)(modes + header->modes);
    for (; number; number--) {
        const struct blob *skipped = (const struct blob *)at;
        at += sizeof *skipped / 4 + skipped->words + skipped->literals;
    }
    return at;
}
static void select_blob(const uint32_t *at) {
    blob = (const struct blob *)at;
    code = (uint32_t *)at + sizeof *blob / 4;
}

static void run_blobs(uint32_t first, uint32_t count) {
    const uint32_t *at = find(first);
    for (uint32_t number = first; number < first + count; number++) {
        select_blob(at);
        begin(blob->words);
        uint64_t hash = 0;
        for (uint32_t i = 0; i < blob->iterations; i++) {
            iterate();
            hash = hash_registers(hash);
        }
        put_decimal(number);
        put(' ');
        put_hex(hash_arena(hash), 16);
        put(' ');
        put_decimal(context->faults);
        put('\n');
        if (count == 1 || number % 64 == 63) flush();
        at = (const uint32_t *)code + blob->words + blob->literals;
    }
}
static void probe(void) {
    const uint32_t *at = find(0);
    probing = 1;
    for (uint32_t number = 0; number < header->blobs; number++) {
        select_blob(at);
        begin(blob->words);
        put_decimal(number);
        iterate();
        put('\n');
        flush();
        at = (const uint32_t *)code + blob->words + blob->literals;
    }
}
static void run_iterations(void) {
    begin(blob->words);
    uint64_t hash = 0;
    for (uint32_t i = 0; i < blob->iterations; i++) {
        iterate();
        hash = hash_arena(hash_registers(hash));
        put_decimal(i);
        put(' ');
        put_hex(hash, 16);
        put('\n');
        flush();
    }
}
static void run_until(uint32_t iteration, uint32_t length) {
    begin(blob->words);
    for (uint32_t i = 0; i < iteration; i++) iterate();
    if (length < blob->words) place(length);
    iterate();
}
static void run_prefixes(uint32_t iteration) {
    for (uint32_t length = 0; length <= blob->words; length++) {
        run_until(iteration, length);
        put_decimal(length);
        put(' ');
        put_hex(hash_arena(hash_registers(0)), 16);
        put('\n');
        flush();
    }
}
static void named(const char *name, int number, uint64_t high, uint64_t low, int wide) {
    put_string(name);
    if (number >= 0) put_decimal((uint64_t)number);
    put(' ');
    if (wide) put_hex(high, 16);
    put_hex(low, 16);
    put('\n');
}
static void print_registers(void) {
    for (int i = 0; i < 31; i++) named("x", i, 0, context->general[i], 0);
    named("sp", -1, 0, context->sp, 0);
    named("nzcv", -1, 0, context->flags, 0);
    named("fpcr", -1, 0, context->fpcr, 0);
    named("fpsr", -1, 0, context->fpsr, 0);
    for (int i = 0; i < 32; i++) named("v", i, (uint64_t)(context->vector[i] >> 64), (uint64_t)context->vector[i], 1);
    named("faults", -1, context->faults, context->fault_hash, 1);
    for (uint64_t at = ARENA; at < GUARD; at += 16) {
        put('[');
        put_hex(at, 10);
        named("]", -1, ((uint64_t *)at)[1], *(uint64_t *)at, 1);
    }
}

static void fail(const char *what) {
    put_string(what);
    put('\n');
    flush();
    leave(2);
}
static void map(uint64_t at, size_t size, int protection) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    if (call(SYS_mmap, (long)at, (long)size, protection, flags, -1, 0) != (long)at) fail("cannot map");
}
static void set_up_memory(void) {
    map(CODE, SEGMENT, PROT_READ | PROT_WRITE | PROT_EXEC);
    map(CONTEXT, SEGMENT, PROT_READ | PROT_WRITE);
    map(READ_ONLY, 2 * SEGMENT, PROT_READ | PROT_WRITE);
    map(GUARD, SEGMENT, PROT_NONE);
    memcpy((void *)READ_ONLY, values, SEGMENT);
    if (call(SYS_mprotect, READ_ONLY, SEGMENT, PROT_READ, 0, 0, 0)) fail("cannot protect");
    memcpy((void *)(BLOB - (enter_end - enter_code)), enter_code, enter_end - enter_code);
    uint32_t over = 0x14000000 | (uint32_t)((0x400 - (enter_end - enter_code)) / 4);
    memcpy((void *)CODE, &over, 4);
    memcpy((void *)EXIT, leave_code, leave_end - leave_code);
    clear_cache(CODE, SEGMENT);
}
/* As the kernel has it. */
struct action {
    void (*handler)(int, siginfo_t *, void *);
    unsigned long flags;
    void *restorer;
    uint64_t mask;
};
static void set_up_signals(void) {
    static char stack[1 << 16];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    struct action action = {.handler = on_fault, .flags = SA_SIGINFO | SA_ONSTACK};
    if (call(SYS_sigaltstack, (long)&alternate, 0, 0, 0, 0, 0)) fail("cannot set the signal stack");
    static const int signals[] = {SIGILL, SIGSEGV, SIGBUS, SIGTRAP, SIGFPE};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        if (call(SYS_rt_sigaction, signals[i], (long)&action, 0, 8, 0, 0)) fail("cannot set the handler");
    }
}
static void load(const char *path) {
    long fd = call(SYS_openat, AT_FDCWD, (long)path, O_RDONLY, 0, 0, 0);
    if (fd < 0) fail("cannot open the file");
    long size = call(SYS_lseek, fd, 0, 2, 0, 0, 0);
    long at = call(SYS_mmap, 0, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (at < 0 && at > -4096) fail("cannot map the file");
    header = (const struct header *)at;
    if (header->magic != 0x73696c42) fail("not a file of blobs");
    values = (const uint64_t *)(header + 1);
    modes = values + header->values;
}
static uint32_t number_of(const char *digits) {
    uint32_t value = 0;
    for (; *digits; digits++) value = value * 10 + (uint32_t)(*digits - '0');
    return value;
}

static int run(int argc, char **argv) {
    if (argc < 2) fail("which file?");
    load(argv[1]);
    set_up_memory();
    set_up_signals();
    uint32_t number[3] = {0, header->blobs, 0};
    const char *mode = argc > 2 ? argv[2] : "";
    int named_mode = *mode >= 'a';
    for (int i = 2 + named_mode; i < argc && i < 5 + named_mode; i++) {
        number[i - 2 - named_mode] = number_of(argv[i]);
    }
    if (number[0] >= header->blobs) fail("no such blob");
    select_blob(find(number[0]));
    if (!named_mode) {
        run_blobs(number[0], number[1]);
    } else if (*mode == 'p' && mode[2] == 'o') {
        probe();
    } else if (*mode == 'i') {
        run_iterations();
    } else if (*mode == 'p') {
        run_prefixes(number[1]);
    } else {
        run_until(number[1], number[2]);
        print_registers();
    }
    flush();
    return 0;
}
__attribute__((used)) static _Noreturn void start(long *stack) {
    leave(run((int)*stack, (char **)(stack + 1)));
}
__asm__(".globl _start\n_start:\n  mov x0, sp\n  b start\n");
