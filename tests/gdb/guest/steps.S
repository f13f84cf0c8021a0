/* Instructions whose results depend on no address but those of the program itself. */
        .globl  _start
_start:
        msr     nzcv, xzr
        mov     x19, #0
        adr     x20, cell
        adr     x21, numbers
        movi    v31.2d, #0
        fmov    d30, #1.0
        mov     w22, #20                // rounds
round:
        // Exclusive accesses, as atomic counters do it.
        mov     w0, #3
again:  ldaxr   x1, [x20]
        add     x1, x1, x22
        stlxr   w2, x1, [x20]
        cbnz    w2, again
        subs    w0, w0, #1
        b.ne    again
        // A pair, and the flags.
retry:  ldxp    x3, x4, [x20]
        eor     x4, x4, x3, ror #7
        stxp    w5, x3, x4, [x20]
        cbnz    w5, retry
        cmp     x3, x4
        cset    x6, hi
        csinv   x7, x3, x4, lt
        adcs    x8, x3, x4
        sbcs    x9, x4, x3
        umulh   x10, x8, x9
        // Calls through lr and through a register.
        bl      mix
        adr     x11, mix
        blr     x11
        tbnz    x22, #0, odd
        clz     x12, x8
        b       both
odd:    rbit    x12, x8
both:   // A system call that changes nothing: it has no such number.
        mov     x8, #0x3ff
        mov     x0, x22
        svc     #0
        nop                             // qemu takes this for a part of the call
        mov     x13, x0
        // Floating point and vectors.
        scvtf   d0, x22
        fadd    d30, d30, d0
        fdiv    d1, d30, d0
        fsqrt   d2, d1
        fcvtzs  x14, d1
        fcmp    d1, d2
        cset    x15, gt
        ld1     {v3.4s, v4.4s}, [x21]
        add     v5.4s, v3.4s, v4.4s
        mla     v6.4s, v5.4s, v3.4s
        tbl     v7.16b, {v3.16b, v4.16b}, v6.16b
        eor     v31.16b, v31.16b, v7.16b
        st1     {v5.4s}, [x21]
        // The stack, by differences.
        stp     x13, x14, [sp, #-32]!
        str     q31, [sp, #16]
        ldp     x16, x17, [sp, #16]
        add     sp, sp, #32
        subs    w22, w22, #1
        b.ne    round
        mov     x8, #93
        mov     x0, #0
        svc     #0
        brk     #0
mix:    mul     x18, x8, x9
        crc32x  w23, w23, x18
        ret

        .data
        .balign 64
cell:   .quad   0x123456789abcdef, 0x0fedcba987654321
numbers:
        .word   1, -2, 3, 0x7fffffff, 5, 6, -7, 8
