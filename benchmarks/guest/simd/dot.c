/* Dot products of vectors of 4096 floats, four sums at a time with fused multiply-add. */
#include <arm_neon.h>
#include <stdio.h>

enum { SIZE = 4096, ROUNDS = 20000 };
static float a[SIZE], b[SIZE + 16];

static float dot(const float *x, const float *y)
{
    float32x4_t sums[4] = {vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)};
    for (int i = 0; i < SIZE; i += 16)
        for (int j = 0; j < 4; j++)
            sums[j] = vfmaq_f32(sums[j], vld1q_f32(x + i + 4 * j), vld1q_f32(y + i + 4 * j));
    return vaddvq_f32(vaddq_f32(vaddq_f32(sums[0], sums[1]), vaddq_f32(sums[2], sums[3])));
}

int main(void)
{
    for (int i = 0; i < SIZE; i++)
        a[i] = 1.0f / (i + 1);
    for (int i = 0; i < SIZE + 16; i++)
        b[i] = i % 97 * 0.25f - 11;
    float total = 0;
    for (int round = 0; round < ROUNDS; round++)
        total = total * 0.5f + dot(a, b + (round & 15));
    printf("%a\n", total);
    return 0;
}
