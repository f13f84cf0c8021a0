/* getauxval(3), cpu-feature-registers.rst: AT_HWCAP, /proc/cpuinfo and ID registers agree, and what they offer works. */
/* elfuse: flags=-march=armv8.4-a+fp16, oracle=skip(qemu-user shows the host's /proc/cpuinfo) */
#include "guest.h"
#include <arm_neon.h>
#include <asm/hwcap.h>
#include <stdbool.h>
#include <sys/auxv.h>

#define ID(name)                                                                                   \
    ({                                                                                             \
        uint64_t value;                                                                            \
        __asm__("mrs %0, " #name : "=r"(value));                                                   \
        value;                                                                                     \
    })

static unsigned field(uint64_t value, int at) { return value >> at & 15; }

int main(void) {
    unsigned long caps = getauxval(AT_HWCAP);
    static const struct {
        const char *name;
        unsigned long bit;
    } names[] = {
        {"fp", HWCAP_FP},           {"asimd", HWCAP_ASIMD},     {"aes", HWCAP_AES},
        {"pmull", HWCAP_PMULL},     {"sha1", HWCAP_SHA1},       {"sha2", HWCAP_SHA2},
        {"crc32", HWCAP_CRC32},     {"atomics", HWCAP_ATOMICS}, {"fphp", HWCAP_FPHP},
        {"asimdhp", HWCAP_ASIMDHP}, {"cpuid", HWCAP_CPUID},     {"asimdrdm", HWCAP_ASIMDRDM},
        {"jscvt", HWCAP_JSCVT},     {"fcma", HWCAP_FCMA},       {"lrcpc", HWCAP_LRCPC},
        {"dcpop", HWCAP_DCPOP},     {"sha3", HWCAP_SHA3},       {"asimddp", HWCAP_ASIMDDP},
        {"sha512", HWCAP_SHA512},   {"sve", HWCAP_SVE},         {"flagm", HWCAP_FLAGM},
    };

    /* The words of /proc/cpuinfo. */
    static char info[1 << 16];
    int fd = CHECK(open("/proc/cpuinfo", O_RDONLY));
    CHECK(read(fd, info, sizeof info - 1));
    char *line = strstr(info, "Features\t: ");
    EXPECT(line != NULL);
    char *features = strndup(line, strchr(line, '\n') - line);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bool listed = false;
        char copy[1024];
        strncpy(copy, features, sizeof copy - 1);
        for (char *word = strtok(copy, " \t"); word; word = strtok(NULL, " \t"))
            listed |= strcmp(word, names[i].name) == 0;
        if (listed != !!(caps & names[i].bit)) {
            printf("%s\n", names[i].name);
            return 1;
        }
    }

    if (caps & HWCAP_CPUID) {
        uint64_t isar0 = ID(ID_AA64ISAR0_EL1), isar1 = ID(ID_AA64ISAR1_EL1), pfr0 = ID(ID_AA64PFR0_EL1);
        EXPECT(field(isar0, 4) == (caps & HWCAP_PMULL ? 2 : 0));
        EXPECT(!!field(isar0, 8) == !!(caps & HWCAP_SHA1));
        EXPECT(!!field(isar0, 16) == !!(caps & HWCAP_CRC32));
        EXPECT((field(isar0, 20) == 2) == !!(caps & HWCAP_ATOMICS));
        EXPECT(!!field(isar0, 28) == !!(caps & HWCAP_ASIMDRDM));
        EXPECT(!!field(isar0, 44) == !!(caps & HWCAP_ASIMDDP));
        EXPECT(!!field(isar0, 52) == !!(caps & HWCAP_FLAGM));
        EXPECT(!!field(isar1, 0) == !!(caps & HWCAP_DCPOP));
        EXPECT(!!field(isar1, 12) == !!(caps & HWCAP_JSCVT));
        EXPECT(!!field(isar1, 16) == !!(caps & HWCAP_FCMA));
        EXPECT(!!field(isar1, 20) == !!(caps & HWCAP_LRCPC));
        EXPECT((field(pfr0, 16) == 1) == !!(caps & HWCAP_FPHP));
        EXPECT((field(pfr0, 20) == 1) == !!(caps & HWCAP_ASIMDHP));
        EXPECT(field(pfr0, 32) == (caps & HWCAP_SVE ? 1 : 0));
        /* The same processor as in /proc/cpuinfo. */
        char part[32];
        snprintf(part, sizeof part, "CPU part\t: 0x%03x\n", (unsigned)(ID(MIDR_EL1) >> 4 & 0xfff));
        EXPECT(strstr(info, part) != NULL);
    }

    if (caps & HWCAP_ASIMDHP) {
        float16x8_t halves = vdupq_n_f16(1.5);
        EXPECT((float)vgetq_lane_f16(vfmaq_f16(halves, halves, halves), 7) == 3.75f);
    }
    if (caps & HWCAP_JSCVT) {
        double number = 4294967297.5;
        int converted;
        __asm__("fjcvtzs %w0, %d1" : "=r"(converted) : "w"(number) : "cc");
        EXPECT(converted == 1);
    }
    if (caps & HWCAP_FLAGM) {
        uint64_t flags;
        __asm__("rmif %1, #0, #15\n\tmrs %0, nzcv" : "=r"(flags) : "r"(5ul) : "cc");
        EXPECT(flags == 0x50000000);
    }
    if (caps & HWCAP_FCMA) {
        float32x4_t a = {1, 2, 3, 4}, b = {5, 6, 7, 8}, sum = {0};
        __asm__("fcmla %0.4s, %1.4s, %2.4s, #90" : "+w"(sum) : "w"(a), "w"(b));
        EXPECT(sum[0] == -12 && sum[1] == 10);
    }
    if (caps & HWCAP_ASIMDDP) {
        uint8x16_t bytes = vdupq_n_u8(200);
        uint32x4_t sums = vdupq_n_u32(1);
        __asm__("udot %0.4s, %1.16b, %1.16b" : "+w"(sums) : "w"(bytes));
        EXPECT(sums[3] == 160001);
    }
    return 0;
}
