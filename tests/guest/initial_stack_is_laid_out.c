/* elfuse: flags=-nostdlib -ffreestanding -fno-stack-protector -O2, args=one two */
/* execve(2), the AArch64 procedure call standard: a 16-byte aligned stack with argc, argv, envp and auxv.
   For aarch64 only. */
extern int inspect(long *stack);
__asm__(".globl _start\n_start: mov x29, xzr\n mov x30, xzr\n mov x0, sp\n bl inspect\n mov x8, 94\n svc 0\n");
static int length(const char *text) {
    int size = 0;
    while (text[size]) size++;
    return size;
}
int inspect(long *stack) {
    if ((unsigned long)stack & 15) return 1;
    if (stack[0] != 3) return 2;
    char **argv = (char **)(stack + 1), **envp = argv + 4;
    if (argv[3]) return 3;
    if (length(argv[1]) != 3 || argv[2] != argv[1] + 4) return 4;
    while (*envp++) {}
    int found = 0;
    for (long *auxv = (long *)envp;; auxv += 2) {
        if (auxv[0] == 6 && auxv[1] != 4096) return 5;
        if (auxv[0] == 25) found = auxv[1] > (long)stack;
        if (auxv[0] == 0) return found ? 0 : 6;
    }
}
