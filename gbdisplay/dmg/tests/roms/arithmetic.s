; Eight operations and DAA on all of A, B and carry: the sum over A and F after each must be the one
; in `sums`, which the test computes from the documented meaning. A number that fails is the opcode.

OPERATION = 0xC010
SUM_AT = 0xC012
A_IN = 0xC014
CODE = 0xC200

        .area _ARITHMETIC (ABS)
        .org 0x400
main:   ld hl,#code
        ld de,#CODE
        ld b,#code_end-code
1$:     ld a,(hl+)
        ld (de),a
        inc de
        dec b
        jr nz,1$
        ld hl,#sums
next:   ld a,(hl+)
        ld (OPERATION),a
        or a
        jp z,passed
        ld (CODE+code_op-code),a
        ld a,l
        ld (SUM_AT),a
        ld a,h
        ld (SUM_AT+1),a
        jp CODE
back:   ld b,h
        ld c,l
        ld a,(SUM_AT)
        ld l,a
        ld a,(SUM_AT+1)
        ld h,a
        ld a,(OPERATION)
        ld d,#0
        ld e,a
        ld a,(hl+)
        cp c
        jp nz,failed
        ld a,(hl+)
        cp b
        jp nz,failed
        jr next

; Runs from CODE. Every B, every A, and both carries, with the other flags from B; HL has the sum.
code:   ld hl,#0
        ld b,l
        ld a,l
        ld (A_IN),a
        ld c,l
every:  ld a,(A_IN)
        ld d,a
        ld a,b
        and #0xE0
        or c
        ld e,a
        push de
        pop af
code_op: nop
        push af
        ld d,h
        ld e,l
        add hl,hl
        add hl,de
        pop de
        add hl,de
        ld a,c
        xor #0x10
        ld c,a
        jr nz,every
        ld a,(A_IN)
        inc a
        ld (A_IN),a
        jr nz,every
        inc b
        jr nz,every
        jp back
code_end:
