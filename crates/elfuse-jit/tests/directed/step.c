// Runs single instructions on given registers, so that an emulator can be asked what they do: reads
// records from standard input and writes each back as the instruction left it.
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>

struct record {
    __uint128_t v[8];
    uint64_t x[4];
    uint32_t fpcr, nzcv, fpsr, word;
};

void step(struct record *record);
extern uint32_t place[];

// V0 to V7 as given, and the same again in V16 to V23 and V24 to V31.
__asm__(".section .step, \"awx\"\n"
        ".global step, place\n"
        "step: stp d8, d9, [sp, #-64]!\n"
        "stp d10, d11, [sp, #16]\n"
        "stp d12, d13, [sp, #32]\n"
        "stp d14, d15, [sp, #48]\n"
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7\n"
        "ldr q\\n, [x0, #\\n * 16]\n"
        ".endr\n"
        "mov v16.16b, v0.16b\n mov v17.16b, v1.16b\n mov v18.16b, v2.16b\n"
        "mov v19.16b, v3.16b\n mov v20.16b, v4.16b\n mov v21.16b, v5.16b\n"
        "mov v22.16b, v6.16b\n mov v23.16b, v7.16b\n"
        "mov v24.16b, v0.16b\n mov v25.16b, v1.16b\n mov v26.16b, v2.16b\n"
        "mov v27.16b, v3.16b\n mov v28.16b, v4.16b\n mov v29.16b, v5.16b\n"
        "mov v30.16b, v6.16b\n mov v31.16b, v7.16b\n"
        "mov x9, x0\n"
        "ldp x0, x1, [x9, #128]\n"
        "ldp x2, x3, [x9, #144]\n"
        "ldp w10, w11, [x9, #160]\n"
        "ldr w12, [x9, #168]\n"
        "msr fpcr, x10\n"
        "msr nzcv, x11\n"
        "msr fpsr, x12\n"
        "place: nop\n"
        "mrs x11, nzcv\n"
        "mrs x12, fpsr\n"
        "msr fpcr, xzr\n"
        ".irp n, 0, 1, 2, 3, 4, 5, 6, 7\n"
        "str q\\n, [x9, #\\n * 16]\n"
        ".endr\n"
        "stp x0, x1, [x9, #128]\n"
        "stp x2, x3, [x9, #144]\n"
        "stp w11, w12, [x9, #164]\n"
        "ldp d10, d11, [sp, #16]\n"
        "ldp d12, d13, [sp, #32]\n"
        "ldp d14, d15, [sp, #48]\n"
        "ldp d8, d9, [sp], #64\n"
        "ret\n"
        ".text\n");

static sigjmp_buf undefined;

static void on_sigill(int signal)
{
    (void)signal;
    siglongjmp(undefined, 1);
}

int main(void)
{
    static struct record record;
    struct sigaction action = {.sa_handler = on_sigill, .sa_flags = SA_NODEFER};
    sigaction(SIGILL, &action, 0);
    while (fread(&record, sizeof record, 1, stdin) == 1) {
        if (*place != record.word) {
            *place = record.word;
            __builtin___clear_cache((char *)place, (char *)(place + 1));
        }
        if (sigsetjmp(undefined, 0) == 0)
            step(&record);
        else
            record.word = 0;
        fwrite(&record, sizeof record, 1, stdout);
    }
    return 0;
}
