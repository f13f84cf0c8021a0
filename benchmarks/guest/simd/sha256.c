/* SHA-256 of 48 MiB by the instructions for it. */
#include <arm_neon.h>
#include <stdint.h>
#include <stdio.h>

enum { SIZE = 1 << 16, ROUNDS = 768 };
static uint8_t data[SIZE];
static uint32_t constants[64];

static void blocks(uint32_t state[8], const uint8_t *at, int count)
{
    uint32x4_t abcd = vld1q_u32(state), efgh = vld1q_u32(state + 4);
    for (; count; count--, at += 64) {
        uint32x4_t w[4], was_abcd = abcd, was_efgh = efgh;
        for (int i = 0; i < 4; i++)
            w[i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(at + 16 * i)));
        for (int i = 0; i < 16; i++) {
            uint32x4_t sum = vaddq_u32(w[i & 3], vld1q_u32(constants + 4 * i));
            uint32x4_t old = abcd;
            abcd = vsha256hq_u32(abcd, efgh, sum);
            efgh = vsha256h2q_u32(efgh, old, sum);
            if (i < 12)
                w[i & 3] = vsha256su1q_u32(vsha256su0q_u32(w[i & 3], w[(i + 1) & 3]), w[(i + 2) & 3],
                                           w[(i + 3) & 3]);
        }
        abcd = vaddq_u32(abcd, was_abcd);
        efgh = vaddq_u32(efgh, was_efgh);
    }
    vst1q_u32(state, abcd);
    vst1q_u32(state + 4, efgh);
}

int main(void)
{
    uint32_t state[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    for (int i = 0; i < 64; i++)
        constants[i] = i * 0x9E3779B9u;
    for (int i = 0; i < SIZE; i++)
        data[i] = (uint8_t)(i * 7 + (i >> 8));
    for (int round = 0; round < ROUNDS; round++)
        blocks(state, data, SIZE / 64);
    for (int i = 0; i < 8; i++)
        printf("%08x%c", state[i], i < 7 ? ' ' : '\n');
    return 0;
}
