/* A 3 by 3 filter (1 2 1, 2 4 2, 1 2 1) and a blend over a picture of 8-bit grey values. */
#include <arm_neon.h>
#include <stdint.h>
#include <stdio.h>

enum { WIDTH = 1024, HEIGHT = 512, ROUNDS = 80 };
static uint8_t picture[HEIGHT][WIDTH + 16], blurred[HEIGHT][WIDTH + 16];

static uint16x8_t column(const uint8_t *at)
{
    uint8x8_t above = vld1_u8(at - (WIDTH + 16)), here = vld1_u8(at);
    uint8x8_t below = vld1_u8(at + (WIDTH + 16));
    return vaddq_u16(vaddl_u8(above, below), vshll_n_u8(here, 1));
}

static void filter(void)
{
    for (int y = 1; y < HEIGHT - 1; y++)
        for (int x = 8; x < WIDTH; x += 8) {
            const uint8_t *at = &picture[y][x];
            uint16x8_t middle = vshlq_n_u16(column(at), 1);
            uint16x8_t sum = vaddq_u16(middle, vaddq_u16(column(at - 1), column(at + 1)));
            vst1_u8(&blurred[y][x], vqrshrn_n_u16(sum, 4));
        }
}

static void blend(void)
{
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x += 16) {
            uint8x16_t old = vld1q_u8(&picture[y][x]), new = vld1q_u8(&blurred[y][x]);
            uint8x16_t mixed = vrhaddq_u8(old, new);
            uint8x16_t bright = vcgtq_u8(mixed, vdupq_n_u8(200));
            mixed = vbslq_u8(bright, vqaddq_u8(mixed, vdupq_n_u8(9)), vqsubq_u8(mixed, vabdq_u8(old, new)));
            vst1q_u8(&picture[y][x], mixed);
        }
}

int main(void)
{
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH + 16; x++)
            picture[y][x] = (uint8_t)(x * y + (x >> 3) * 17);
    for (int round = 0; round < ROUNDS; round++) {
        filter();
        blend();
    }
    uint32_t sum = 0;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            sum = sum * 31 + picture[y][x];
    printf("%08x\n", sum);
    return 0;
}
