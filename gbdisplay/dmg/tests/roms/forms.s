; Every instruction that does not jump, with 64 random states of all registers and of the memory
; around its operand. The sum over what each leaves behind must be the one in `entries`, which the
; test computes from the documented meaning of the instruction.
;
; Entry: opcode, two bytes after it, kind, sum (low, high). Kind FF ends the table.

ENTRY = 0xC010
SEED = 0xC012
SUM = 0xC014
COUNT = 0xC016
KIND = 0xC017
IN = 0xC020             ; F A C B E D L H, SP, eight bytes around D880, one at FF90
IN_SIZE = 19
OUT = 0xC040            ; F A C B E D L H, SP
CODE = 0xC200

        .area _FORMS (ABS)
        .org 0x400
main:   ld hl,#code
        ld de,#CODE
        ld b,#code_end-code
1$:     ld a,(hl+)
        ld (de),a
        inc de
        dec b
        jr nz,1$
        ld hl,#0x1234
        ld a,l
        ld (SEED),a
        ld a,h
        ld (SEED+1),a
        ld hl,#entries

next:   ld a,l
        ld (ENTRY),a
        ld a,h
        ld (ENTRY+1),a
        ld de,#CODE+code_op-code
        ld a,(hl+)
        ld (de),a
        inc de
        ld a,(hl+)
        ld (de),a
        inc de
        ld a,(hl+)
        ld (de),a
        ld a,(hl)
        ld (KIND),a
        inc a
        jp z,passed
        xor a
        ld (SUM),a
        ld (SUM+1),a
        ld a,#64
        ld (COUNT),a
again:  call prepare
        jp CODE
back:   ld sp,#0xDFF0
        call add_up
        ld hl,#COUNT
        dec (hl)
        jr nz,again

        ld a,(ENTRY)
        ld l,a
        ld a,(ENTRY+1)
        ld h,a
        ld d,(hl)
        inc hl
        ld e,(hl)
        inc hl
        inc hl
        inc hl
        ld a,(SUM)
        cp (hl)
        jp nz,failed
        inc hl
        ld a,(SUM+1)
        cp (hl)
        jp nz,failed
        inc hl
        jr next

; Runs from CODE.
code:   ld sp,#IN
        pop af
        pop bc
        pop de
        pop hl
code_sp: ld sp,#0
code_op: nop
        nop
        nop
        ld (OUT+8),sp
        ld sp,#OUT+8
        push hl
        push de
        push bc
        push af
        jp back
code_end:

; A random state, with what the kind demands: 1 to 3: HL, BC or DE is D880; 4: SP is; 5: C is 90.
prepare: ld b,#IN_SIZE
        ld de,#IN
1$:     push de
        call random
        pop de
        ld (de),a
        inc de
        dec b
        jr nz,1$
        ld a,(KIND)
        ld hl,#IN+6
        dec a
        jr z,2$
        ld hl,#IN+2
        dec a
        jr z,2$
        ld hl,#IN+4
        dec a
        jr z,2$
        ld hl,#IN+8
        dec a
        jr z,2$
        dec a
        jr nz,3$
        ld a,#0x90
        ld (IN+2),a
        jr 3$
2$:     ld (hl),#0x80
        inc hl
        ld (hl),#0xD8
3$:     ld hl,#IN+8
        ld a,(hl+)
        ld (CODE+code_sp-code+1),a
        ld a,(hl+)
        ld (CODE+code_sp-code+2),a
        ld de,#0xD87C
        ld b,#8
4$:     ld a,(hl+)
        ld (de),a
        inc de
        dec b
        jr nz,4$
        ld a,(hl)
        ldh (0x90),a
        ret

; A random byte in A: every fourth one is from `edges`. Changes DE and HL.
random: ld hl,#SEED
        ld a,(hl+)
        ld h,(hl)
        ld l,a
        ld d,h
        ld e,l
        add hl,hl
        add hl,hl
        add hl,de
        inc hl
        ld a,l
        ld (SEED),a
        ld a,h
        ld (SEED+1),a
        and #0xC0
        ld a,h
        ret nz
        ld de,#edges
        add a,e
        ld e,a
        ld a,d
        adc a,#0
        ld d,a
        ld a,(de)
        ret

; By the lower six bits of a byte whose upper two are 0.
edges:  .rept 4
        .db 0x00, 0x01, 0x0F, 0x10, 0x1F, 0x7F, 0x80, 0x8F
        .db 0x90, 0x99, 0x9A, 0xA0, 0xAA, 0xF0, 0xF9, 0xFF
        .endm

; Adds what was left behind: OUT, around D880, FF90.
add_up: ld a,(SUM)
        ld l,a
        ld a,(SUM+1)
        ld h,a
        ld bc,#OUT
1$:     ld a,(bc)
        call add
        inc c
        ld a,c
        cp #<OUT+10
        jr nz,1$
        ld bc,#0xD87C
2$:     ld a,(bc)
        call add
        inc c
        ld a,c
        cp #0x84
        jr nz,2$
        ldh a,(0x90)
        call add
        ld a,l
        ld (SUM),a
        ld a,h
        ld (SUM+1),a
        ret

; HL times three, and A.
add:    ld d,h
        ld e,l
        add hl,hl
        add hl,de
        ld e,a
        ld d,#0
        add hl,de
        ret
