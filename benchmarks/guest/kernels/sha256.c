/* SHA-256's compression function 1,000,000 times: rotations and many live registers. */
#include <stdint.h>
#include <stdio.h>

static uint32_t constants[64];

static uint32_t rotated(uint32_t x, int by)
{
    return x >> by | x << (32 - by);
}

static void compress(uint32_t *state, const uint32_t *block)
{
    uint32_t w[64];
    for (int i = 0; i < 16; i++)
        w[i] = block[i];
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (rotated(a, 7) ^ rotated(a, 18) ^ a >> 3) + w[i - 7] +
               (rotated(b, 17) ^ rotated(b, 19) ^ b >> 10);
    }
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (int i = 0; i < 64; i++) {
        uint32_t first = h + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) +
                         ((e & f) ^ (~e & g)) + constants[i] + w[i];
        uint32_t second = (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) +
                          ((a & b) ^ (a & c) ^ (b & c));
        h = g;
        g = f;
        f = e;
        e = d + first;
        d = c;
        c = b;
        b = a;
        a = first + second;
    }
    uint32_t sums[8] = {a, b, c, d, e, f, g, h};
    for (int i = 0; i < 8; i++)
        state[i] += sums[i];
}

int main(void)
{
    uint32_t state[8] = {1, 2, 3, 4, 5, 6, 7, 8}, block[16];
    for (int i = 0; i < 64; i++)
        constants[i] = i * 0x9E3779B9u;
    for (int i = 0; i < 16; i++)
        block[i] = i * 77;
    for (int round = 0; round < 1000000; round++) {
        block[round & 15] ^= state[0];
        compress(state, block);
    }
    printf("%08x %08x\n", state[0], state[7]);
    return 0;
}
