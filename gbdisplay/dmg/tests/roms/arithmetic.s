; Eight operations and DAA on all of A, B and carry: the sum over A and F after each must be the one
; in `sums`, which the test computes from the documented meaning. The same of ADD HL,DE on all pairs of
; `words`. A number that fails is the opcode.

OPERATION = 0xC010
SUM_AT = 0xC012
A_IN = 0xC014
SUM = 0xC016
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
        jr z,wide
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

; HL points to the sum that ADD HL,DE must have.
wide:   push hl
        xor a
        ld (SUM),a
        ld (SUM+1),a
        ld b,a
1$:     ld c,#0
2$:     ld a,b
        call word
        push hl
        ld a,c
        call word
        ld d,h
        ld e,l
        pop hl
        xor a
        add hl,de
        push af
        call mix
        pop hl
        call mix
        inc c
        ld a,c
        cp #WORDS
        jr nz,2$
        inc b
        ld a,b
        cp #WORDS
        jr nz,1$
        pop hl
        ld de,#0x19
        ld a,(SUM)
        cp (hl)
        jp nz,failed
        inc hl
        ld a,(SUM+1)
        cp (hl)
        jp nz,failed
        jp passed

; HL: the word of that number in A.
word:   add a,a
        add a,#<words
        ld l,a
        ld h,#>words
        ld a,(hl+)
        ld h,(hl)
        ld l,a
        ret

; The sum times three, and HL.
mix:    push hl
        ld a,(SUM)
        ld l,a
        ld a,(SUM+1)
        ld h,a
        ld d,h
        ld e,l
        add hl,hl
        add hl,de
        pop de
        add hl,de
        ld a,l
        ld (SUM),a
        ld a,h
        ld (SUM+1),a
        ret

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

        .org 0x700
WORDS = 12
words:  .dw 0x0000, 0x0001, 0x00FF, 0x0100, 0x0FFE, 0x0FFF, 0x1000, 0x7FFF, 0x8000, 0xF000, 0xF001, 0xFFFF
