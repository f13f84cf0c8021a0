/* CRC-32 by table over 180 MiB: dependent loads. */
#include <stdint.h>
#include <stdio.h>

enum { SIZE = 1 << 20, ROUNDS = 180 };
static uint32_t table[256];
static uint8_t data[SIZE];

int main(void)
{
    for (unsigned i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++)
            value = value >> 1 ^ (value & 1 ? 0xEDB88320u : 0);
        table[i] = value;
    }
    for (int i = 0; i < SIZE; i++)
        data[i] = (uint8_t)(i * 7 + (i >> 8));
    uint32_t crc = ~0u;
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < SIZE; i++)
            crc = table[(crc ^ data[i]) & 255] ^ crc >> 8;
    printf("%08x\n", ~crc);
    return 0;
}
