/* Writes where nothing is mapped. */
int main(void) {
    *(volatile int *)0xdead0000 = 1;
    return 0;
}
