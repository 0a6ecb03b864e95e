; What every micro-ROM starts with and ends in.
;
; A ROM defines `main`, and jumps to `passed`, or to `failed` with a number in DE that says what
; failed. The result is in memory for programs, and on the screen for people.

STATUS = 0xC000         ; 0 while it runs, then 1 for passed or 2 for failed
NUMBER = 0xC001         ; two bytes: what failed

        .area _RUNTIME (ABS)
; The restarts say which one it was.
        .org 0x00
        ld l,#0x00
        ret
        .org 0x08
        ld l,#0x08
        ret
        .org 0x10
        ld l,#0x10
        ret
        .org 0x18
        ld l,#0x18
        ret
        .org 0x20
        ld l,#0x20
        ret
        .org 0x28
        ld l,#0x28
        ret
        .org 0x30
        ld l,#0x30
        ret
        .org 0x38
        ld l,#0x38
        ret

        .org 0x100
        nop
        jp boot

        .org 0x150
boot:   di
        ld sp,#0xDFF0
        xor a
        ldh (0xFF),a
        ldh (0x0F),a
        ld (STATUS),a
        jp main

passed: ld hl,#word_pass
        ld de,#0
        ld a,#1
        jr end
failed: ld hl,#word_fail
        ld a,#2
; A: status, DE: number, HL: four glyphs.
end:    di
        ld sp,#0xDFF0
        ld b,a
        ld a,e
        ld (NUMBER),a
        ld a,d
        ld (NUMBER+1),a
        push bc
        call clear
        call print
        ld hl,#0x9861
        ld a,d
        call print_byte
        ld a,e
        call print_byte
        ld a,#0x91
        ldh (0x40),a
        pop bc
        ld a,b
        ld (STATUS),a
1$:     jr 1$

; Switches the LCD off if it is on, in VBlank as it must be, loads the font and clears the screen.
; Keeps DE and HL.
clear:  push de
        push hl
1$:     ldh a,(0x40)
        add a,a
        jr nc,2$
        ldh a,(0x44)
        cp #144
        jr nz,1$
        xor a
        ldh (0x40),a
2$:
        ld hl,#font
        ld de,#0x8000
3$:     ld a,(hl+)
        ld (de),a
        inc de
        ld (de),a
        inc de
        ld a,d
        cp #>0x8200
        jr nz,3$
        ld hl,#0x9800
4$:     ld (hl),#BLANK
        inc hl
        ld a,h
        cp #0x9C
        jr nz,4$
        ld a,#0xE4
        ldh (0x47),a
        xor a
        ldh (0x42),a
        ldh (0x43),a
        pop hl
        pop de
        ret

; Four glyphs from HL to the second row.
print:  push de
        ld de,#0x9821
        ld b,#4
1$:     ld a,(hl+)
        ld (de),a
        inc de
        dec b
        jr nz,1$
        pop de
        ret

; A as two digits to HL, which moves on.
print_byte:
        ld b,a
        swap a
        and #0x0F
        ld (hl+),a
        ld a,b
        and #0x0F
        ld (hl+),a
        ret

word_pass: .db 16, 10, 17, 17
word_fail: .db 15, 10, 18, 19

; Digits, A to F, P, S, I, L, blank: eight rows each, one bit a pixel; padded to 32 glyphs.
BLANK = 20
font:   .db 0x38, 0x44, 0x4C, 0x54, 0x64, 0x44, 0x38, 0x00
        .db 0x10, 0x30, 0x10, 0x10, 0x10, 0x10, 0x38, 0x00
        .db 0x38, 0x44, 0x04, 0x08, 0x10, 0x20, 0x7C, 0x00
        .db 0x38, 0x44, 0x04, 0x18, 0x04, 0x44, 0x38, 0x00
        .db 0x08, 0x18, 0x28, 0x48, 0x7C, 0x08, 0x08, 0x00
        .db 0x7C, 0x40, 0x78, 0x04, 0x04, 0x44, 0x38, 0x00
        .db 0x18, 0x20, 0x40, 0x78, 0x44, 0x44, 0x38, 0x00
        .db 0x7C, 0x04, 0x08, 0x10, 0x20, 0x20, 0x20, 0x00
        .db 0x38, 0x44, 0x44, 0x38, 0x44, 0x44, 0x38, 0x00
        .db 0x38, 0x44, 0x44, 0x3C, 0x04, 0x08, 0x30, 0x00
        .db 0x38, 0x44, 0x44, 0x7C, 0x44, 0x44, 0x44, 0x00
        .db 0x78, 0x44, 0x44, 0x78, 0x44, 0x44, 0x78, 0x00
        .db 0x38, 0x44, 0x40, 0x40, 0x40, 0x44, 0x38, 0x00
        .db 0x78, 0x44, 0x44, 0x44, 0x44, 0x44, 0x78, 0x00
        .db 0x7C, 0x40, 0x40, 0x78, 0x40, 0x40, 0x7C, 0x00
        .db 0x7C, 0x40, 0x40, 0x78, 0x40, 0x40, 0x40, 0x00
        .db 0x78, 0x44, 0x44, 0x78, 0x40, 0x40, 0x40, 0x00
        .db 0x3C, 0x40, 0x40, 0x38, 0x04, 0x04, 0x78, 0x00
        .db 0x38, 0x10, 0x10, 0x10, 0x10, 0x10, 0x38, 0x00
        .db 0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0x7C, 0x00
        .rept 96
        .db 0
        .endm
