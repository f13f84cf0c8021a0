/* AES in counter mode with ten rounds over 32 MiB, by the instructions for it. */
#include <arm_neon.h>
#include <stdint.h>
#include <stdio.h>

enum { BLOCKS = 2 << 20, ROUNDS = 10 };

int main(void)
{
    uint8x16_t keys[ROUNDS + 1], sum = vdupq_n_u8(0);
    for (int i = 0; i <= ROUNDS; i++) {
        uint8_t key[16];
        for (int j = 0; j < 16; j++)
            key[j] = (uint8_t)(i * 37 + j * 11 + 5);
        keys[i] = vld1q_u8(key);
    }
    for (uint64_t block = 0; block < BLOCKS; block++) {
        uint8x16_t state = vreinterpretq_u8_u64(vdupq_n_u64(block));
        for (int i = 0; i < ROUNDS - 1; i++)
            state = vaesmcq_u8(vaeseq_u8(state, keys[i]));
        state = veorq_u8(vaeseq_u8(state, keys[ROUNDS - 1]), keys[ROUNDS]);
        sum = vaddq_u8(veorq_u8(sum, state), state);
    }
    uint64x2_t shown = vreinterpretq_u64_u8(sum);
    printf("%016llx%016llx\n", (unsigned long long)vgetq_lane_u64(shown, 1),
           (unsigned long long)vgetq_lane_u64(shown, 0));
    return 0;
}
