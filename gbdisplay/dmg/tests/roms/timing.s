; Instructions at six distances from a write to DIV, so that TIMA, which counts every fourth
; M-cycle after it, tells to the M-cycle how long one takes, and when it reads and writes memory:
; its operand can be TIMA itself.
;
; Entry: opcode, two bytes after it, first value of TIMA, whether A and F count, F A C B E D L H SP;
; then six times A, F and TIMA afterwards. The first value of TIMA is never 1 but in the last entry.

ENTRY = 0xC010
EXPECT = 0xC012
PAD = 0xC014
FIRST = 0xC015
FULL = 0xC016
IN = 0xC020             ; F A C B E D L H
OUT = 0xC040            ; F A, TIMA
OP = 0xC310             ; the instruction; NOPs lead to it

        .area _TIMING (ABS)
        .org 0x400
main:   ld hl,#code
        ld de,#0xC200
        ld b,#code_end-code
        call copy
        ld hl,#tail
        ld de,#OP+3
        ld b,#tail_end-tail
        call copy
        ld hl,#OP-8
        ld b,#8
        xor a
1$:     ld (hl+),a
        dec b
        jr nz,1$
        ld hl,#entries

next:   ld a,l
        ld (ENTRY),a
        ld a,h
        ld (ENTRY+1),a
        ld de,#OP
        ld b,#3
        call copy
        ld a,(hl+)
        ld (FIRST),a
        dec a
        jp z,passed
        ld a,(hl+)
        ld (FULL),a
        ld de,#IN
        ld b,#8
        call copy
        ld a,(hl+)
        ld (0xC200+code_sp-code+1),a
        ld a,(hl+)
        ld (0xC200+code_sp-code+2),a
        ld a,l
        ld (EXPECT),a
        ld a,h
        ld (EXPECT+1),a
        xor a
        ld (PAD),a
again:  ld a,(PAD)
        ld b,a
        ld a,#<OP
        sub b
        ld (0xC200+code_jump-code+1),a
        xor a
        ldh (0x06),a
        ld a,#5
        ldh (0x07),a
        ld a,(FIRST)
        jp 0xC200
back:   ld sp,#0xDFF0
        xor a
        ldh (0x07),a
        call compare
        ld hl,#PAD
        inc (hl)
        ld a,(hl)
        cp #6
        jr nz,again
        ld a,(EXPECT)
        ld l,a
        ld a,(EXPECT+1)
        ld h,a
        jr next

; Runs in RAM, with the first value of TIMA in A. TIMA counts 4, 8, ... M-cycles after the write to
; DIV, and the instruction's first M-cycle is the 26th without a NOP.
code:   ldh (0x04),a
        ldh (0x05),a
        ld sp,#IN
        pop af
        pop bc
        pop de
        pop hl
code_sp: ld sp,#0
code_jump: jp OP
code_end:

; Behind the instruction and the NOPs that fill its three bytes.
tail:   ld sp,#OUT+2
        push af
        ldh a,(0x05)
        ld (OUT+2),a
        jp back
tail_end:

copy:   ld a,(hl+)
        ld (de),a
        inc de
        dec b
        jr nz,copy
        ret

; Against the next three bytes of EXPECT, which moves on.
compare: ld a,(EXPECT)
        ld l,a
        ld a,(EXPECT+1)
        ld h,a
        ld c,#0
        ld a,(OUT+1)
        xor (hl)
        inc hl
        ld b,a
        ld a,(OUT)
        xor (hl)
        inc hl
        or b
        ld b,a
        ld a,(FULL)
        and b
        ld b,a
        ld a,(OUT+2)
        xor (hl)
        inc hl
        or b
        ld b,a
        ld a,l
        ld (EXPECT),a
        ld a,h
        ld (EXPECT+1),a
        ld a,b
        or a
        ret z
        ld a,(OP)
        ld d,a
        ld a,(OP+1)
        ld e,a
        jp failed
