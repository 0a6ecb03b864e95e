; DIV and TIMA: their rates, the reload, and what a write to DIV does to both. A number that fails is
; that of the check below.

        .area _TIMER (ABS)
        .org 0x400
main:   ld d,#1
; 1 to 8: each rate, an M-cycle before and at 1024 M-cycles after a write to DIV.
        ld hl,#rates
1$:     ld a,(hl+)
        or a
        jr z,2$
        ldh (0x07),a
        call early
        cp (hl)
        call nz,wrong
        inc hl
        inc d
        call late
        cp (hl)
        call nz,wrong
        inc hl
        inc d
        jr 1$

; 9: DIV counts every 64 M-cycles.
2$:     xor a
        ldh (0x07),a
        call early
        ldh a,(0x04)
        cp #16
        call nz,wrong
        inc d

; 10: in the M-cycle of an overflow TIMA reads 0, after that TMA, and the interrupt is asked for.
        ld a,#0x55
        ldh (0x06),a
        ld a,#5
        ldh (0x07),a
        xor a
        ldh (0x0F),a
        ldh (0x04),a
        dec a
        ld (0xFF05),a           ; writes at 5 M-cycles after DIV
        ldh a,(0x05)            ; at 8
        or a
        call nz,wrong
        ldh a,(0x05)            ; at 15
        cp #0x56
        call nz,wrong
        ldh a,(0x0F)
        and #0x04
        call z,wrong
        inc d

; 11: a write to DIV while the bit that TIMA looks at is 1 makes TIMA count.
        xor a
        ldh (0x06),a
        ldh (0x04),a
        ldh (0x05),a            ; at 3
        ldh (0x04),a            ; at 6: two M-cycles after the last count
        ldh a,(0x05)            ; at 3 after that
        cp #2
        call nz,wrong
        inc d

; 12: TIMA does not count while it is off.
        xor a
        ldh (0x07),a
        ldh (0x05),a
        call early
        or a
        call nz,wrong
        jp passed

wrong:  ld e,d
        ld d,#0
        jp failed

; TIMA at 1023 M-cycles after a write to DIV.
early:  xor a
        ldh (0x04),a
        ldh (0x05),a            ; 3
        ld b,#254               ; 5
1$:     dec b
        jr nz,1$                ; 5 + 254 * 4 - 1 = 1020
        ldh a,(0x05)
        ret

; The same at 1024.
late:   xor a
        ldh (0x04),a
        ldh (0x05),a
        ld b,#254
1$:     dec b
        jr nz,1$
        nop
        ldh a,(0x05)
        ret

; TAC, then TIMA early and late.
rates:  .db 4, 3, 4
        .db 5, 0xFF, 0x00
        .db 6, 63, 64
        .db 7, 15, 16
        .db 0
