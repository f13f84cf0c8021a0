/* A stack machine that interprets a loop: a switch, hence indirect branches. */
#include <stdio.h>

enum op { PUSH, ADD, XOR_PRODUCT, DUP_COUNT, COUNT_DOWN, JUMP_IF_COUNT, HALT };

static long run(const unsigned char *code, long count)
{
    long stack[16], sum = 0;
    int depth = 0, at = 0;
    for (;;) {
        switch (code[at++]) {
        case PUSH:
            stack[depth++] = code[at++];
            break;
        case ADD:
            sum += stack[--depth];
            break;
        case XOR_PRODUCT:
            sum ^= stack[--depth] * 31;
            break;
        case DUP_COUNT:
            stack[depth++] = count;
            break;
        case COUNT_DOWN:
            count--;
            break;
        case JUMP_IF_COUNT:
            at = count ? code[at] : at + 1;
            break;
        default:
            return sum;
        }
    }
}

int main(void)
{
    static const unsigned char code[] = {
        COUNT_DOWN, DUP_COUNT, PUSH, 3, ADD, XOR_PRODUCT, JUMP_IF_COUNT, 0, HALT,
    };
    printf("%ld\n", run(code, 24000000));
    return 0;
}
