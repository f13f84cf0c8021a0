/* Is a text UTF-8? Sixteen bytes at a time by table look-up (Keiser and Lemire, arXiv 2010.03090). */
#include <arm_neon.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { SIZE = 1 << 18, ROUNDS = 500 };
static uint8_t text[SIZE + 16];

enum {
    TOO_SHORT = 1 << 0,
    TOO_LONG = 1 << 1,
    OVERLONG_3 = 1 << 2,
    TOO_LARGE = 1 << 3,
    SURROGATE = 1 << 4,
    OVERLONG_2 = 1 << 5,
    TOO_LARGE_1000 = 1 << 6,
    OVERLONG_4 = 1 << 6,
    TWO_CONTS = 1 << 7,
    CARRY = TOO_SHORT | TOO_LONG | TWO_CONTS,
};

static const uint8_t first_high[16] = {
    TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG,
    TWO_CONTS, TWO_CONTS, TWO_CONTS, TWO_CONTS,
    TOO_SHORT | OVERLONG_2, TOO_SHORT, TOO_SHORT | OVERLONG_3 | SURROGATE,
    TOO_SHORT | TOO_LARGE | TOO_LARGE_1000 | OVERLONG_4,
};
static const uint8_t first_low[16] = {
    CARRY | OVERLONG_3 | OVERLONG_2 | OVERLONG_4,
    CARRY | OVERLONG_2,
    CARRY, CARRY,
    CARRY | TOO_LARGE,
    CARRY | TOO_LARGE | TOO_LARGE_1000, CARRY | TOO_LARGE | TOO_LARGE_1000,
    CARRY | TOO_LARGE | TOO_LARGE_1000, CARRY | TOO_LARGE | TOO_LARGE_1000,
    CARRY | TOO_LARGE | TOO_LARGE_1000, CARRY | TOO_LARGE | TOO_LARGE_1000,
    CARRY | TOO_LARGE | TOO_LARGE_1000, CARRY | TOO_LARGE | TOO_LARGE_1000,
    CARRY | TOO_LARGE | TOO_LARGE_1000 | SURROGATE,
    CARRY | TOO_LARGE | TOO_LARGE_1000, CARRY | TOO_LARGE | TOO_LARGE_1000,
};
static const uint8_t second_high[16] = {
    TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
    TOO_LONG | OVERLONG_2 | TWO_CONTS | OVERLONG_3 | TOO_LARGE_1000 | OVERLONG_4,
    TOO_LONG | OVERLONG_2 | TWO_CONTS | OVERLONG_3 | TOO_LARGE,
    TOO_LONG | OVERLONG_2 | TWO_CONTS | SURROGATE | TOO_LARGE,
    TOO_LONG | OVERLONG_2 | TWO_CONTS | SURROGATE | TOO_LARGE,
    TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
};

static int valid(const uint8_t *at, int size)
{
    uint8x16_t before = vdupq_n_u8(0), error = vdupq_n_u8(0);
    uint8x16_t tables[3] = {vld1q_u8(first_high), vld1q_u8(first_low), vld1q_u8(second_high)};
    for (int i = 0; i < size; i += 16) {
        uint8x16_t input = vld1q_u8(at + i);
        uint8x16_t last = vextq_u8(before, input, 15);
        uint8x16_t special = vandq_u8(
            vandq_u8(vqtbl1q_u8(tables[0], vshrq_n_u8(last, 4)),
                     vqtbl1q_u8(tables[1], vandq_u8(last, vdupq_n_u8(15)))),
            vqtbl1q_u8(tables[2], vshrq_n_u8(input, 4)));
        uint8x16_t third = vqsubq_u8(vextq_u8(before, input, 14), vdupq_n_u8(0xE0 - 0x80));
        uint8x16_t fourth = vqsubq_u8(vextq_u8(before, input, 13), vdupq_n_u8(0xF0 - 0x80));
        uint8x16_t must = vandq_u8(vorrq_u8(third, fourth), vdupq_n_u8(0x80));
        error = vorrq_u8(error, veorq_u8(must, special));
        before = input;
    }
    return vmaxvq_u8(error) == 0;
}

int main(void)
{
    static const char sample[] = "plain, gr\xC3\xBC\xC3\x9F dich \xE2\x82\xAC \xF0\x9F\x98\x80 etc. ";
    for (int i = 0; i + (int)sizeof sample < SIZE; i += sizeof sample - 1)
        memcpy(text + i, sample, sizeof sample - 1);
    long good = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int at = (round * 4099) % (SIZE - 64);
        uint8_t kept = text[at];
        text[at] = (uint8_t)(kept ^ (round & 1 ? 0x80 : 0));
        good += valid(text, SIZE) * (round + 1L);
        text[at] = kept;
    }
    printf("%ld\n", good);
    return 0;
}
