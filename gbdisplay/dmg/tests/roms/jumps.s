; Jumps, calls and returns: whether they are taken for each state of the flags, where they lead, and
; what they do to the stack. A number that fails is the opcode, and then F.

FLAGS = 0xC010          ; F, A
MASK = 0xC012           ; the flag that the condition looks at
WANT = 0xC013           ; what it must be for the condition to hold
MOVE = 0xC014           ; what SP moves by when taken
TAKEN = 0xC015
SP_OUT = 0xC016
CODE = 0xC200
RST_CODE = 0xC300

        .area _JUMPS (ABS)
        .org 0x400
main:   ld hl,#code
        ld de,#CODE
        ld b,#code_end-code
        call copy
        ld hl,#rst_code
        ld de,#RST_CODE
        ld b,#rst_code_end-rst_code
        call copy
        ld de,#opcodes
next:   ld a,(de)
        or a
        jr z,restarts
        ld hl,#CODE+code_op-code
        ld b,#3
1$:     ld a,(de)
        ld (hl+),a
        inc de
        dec b
        jr nz,1$
        ld hl,#MASK
        ld b,#3
2$:     ld a,(de)
        ld (hl+),a
        inc de
        dec b
        jr nz,2$
        xor a
        ld (FLAGS),a
again:  push de
        ld hl,#0xD880
        ld a,#<(CODE+code_taken-code)
        ld (hl+),a
        ld (hl),#>(CODE+code_taken-code)
        ld hl,#CODE+code_taken-code
        jp CODE
back:   di
        call judge
        pop de
        ld a,(FLAGS)
        add a,#0x10
        ld (FLAGS),a
        jr nz,again
        jr next

; The eight restarts: the code at each vector says in L which one it is.
restarts: ld c,#0
1$:     ld a,c
        or #0xC7
        ld (RST_CODE),a
        ld l,#0xFF
        call RST_CODE
        ld a,l
        cp c
        ld d,c
        ld e,l
        jp nz,failed
        ld a,c
        add a,#8
        ld c,a
        cp #0x40
        jr nz,1$
        jp passed
rst_code: rst 0x00
        ret
rst_code_end:

; Runs from CODE, with HL as the target.
code:   ld sp,#FLAGS
        pop af
        ld sp,#0xD880
code_op: nop
        nop
        nop
        ld a,#0
        jr code_end_of_jump
code_taken: ld a,#1
code_end_of_jump: ld (TAKEN),a
        ld (SP_OUT),sp
        ld sp,#0xDFEE
        jp back
code_end:

judge:  ld a,(WANT)
        ld b,a
        ld a,(MASK)
        ld c,a
        ld a,(FLAGS)
        and c
        sub b
        ld hl,#TAKEN
        jr z,1$
        ld a,(hl)               ; not to be taken
        or a
        jr nz,bad
        ld a,(SP_OUT)
        cp #0x80
        jr nz,bad
        ret
1$:     dec (hl)
        jr nz,bad
        ld a,(MOVE)
        add a,#0x80
        ld b,a
        ld a,(SP_OUT)
        cp b
        jr nz,bad
        cp #0x7E
        ret nz
        ld a,(0xD87E)           ; a call: where it returns to
        cp #<(CODE+code_op-code+3)
        jr nz,bad
        ld a,(0xD87F)
        cp #>(CODE+code_op-code+3)
        ret z
bad:    ld a,(CODE+code_op-code)
        ld d,a
        ld a,(FLAGS)
        ld e,a
        jp failed

copy:   ld a,(hl+)
        ld (de),a
        inc de
        dec b
        jr nz,copy
        ret

TARGET = CODE+code_taken-code
; Opcode and two bytes; mask and wanted flag; what SP moves by. Then 0.
opcodes: .db 0xC3, <TARGET, >TARGET, 0x00, 0x00, 0
        .db 0xC2, <TARGET, >TARGET, 0x80, 0x00, 0
        .db 0xCA, <TARGET, >TARGET, 0x80, 0x80, 0
        .db 0xD2, <TARGET, >TARGET, 0x10, 0x00, 0
        .db 0xDA, <TARGET, >TARGET, 0x10, 0x10, 0
        .db 0xE9, 0x00, 0x00, 0x00, 0x00, 0
        .db 0x18, 0x05, 0x00, 0x00, 0x00, 0
        .db 0x20, 0x05, 0x00, 0x80, 0x00, 0
        .db 0x28, 0x05, 0x00, 0x80, 0x80, 0
        .db 0x30, 0x05, 0x00, 0x10, 0x00, 0
        .db 0x38, 0x05, 0x00, 0x10, 0x10, 0
        .db 0xCD, <TARGET, >TARGET, 0x00, 0x00, -2
        .db 0xC4, <TARGET, >TARGET, 0x80, 0x00, -2
        .db 0xCC, <TARGET, >TARGET, 0x80, 0x80, -2
        .db 0xD4, <TARGET, >TARGET, 0x10, 0x00, -2
        .db 0xDC, <TARGET, >TARGET, 0x10, 0x10, -2
        .db 0xC9, 0x00, 0x00, 0x00, 0x00, 2
        .db 0xD9, 0x00, 0x00, 0x00, 0x00, 2
        .db 0xC0, 0x00, 0x00, 0x80, 0x00, 2
        .db 0xC8, 0x00, 0x00, 0x80, 0x80, 2
        .db 0xD0, 0x00, 0x00, 0x10, 0x00, 2
        .db 0xD8, 0x00, 0x00, 0x10, 0x10, 2
        .db 0
