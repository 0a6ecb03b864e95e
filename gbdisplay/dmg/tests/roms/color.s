; What a CGB adds to the picture: palettes, tiles of the second bank, flips and priorities of the
; background, objects by their order in OAM, double speed, banks of work memory. Then it stops.

        .area _COLOR (ABS)
        .org 0x400
main:   ld a,#1                 ; double speed
        ldh (0x4D),a
        stop
        call clear
        ld b,#7                 ; banks of work memory: each keeps its own number
1$:     ld a,b
        ldh (0x70),a
        ld (0xD000),a
        dec b
        jr nz,1$
        ld hl,#0x9800
        ld b,#8
2$:     ld a,b
        dec a
        ldh (0x70),a
        ld a,(0xD000)
        ld (hl+),a
        dec b
        jr nz,2$
        ld a,#1                 ; what end of the runtime reads is in bank 0 and 1
        ldh (0x70),a
        ldh a,(0x4D)
        ld hl,#0x9809
        call print_byte

        ld hl,#0x9840           ; rows 2 to 17: all glyphs
3$:     ld a,l
        and #0x1F
        cp #BLANK
        jr c,4$
        ld a,#BLANK
4$:     ld (hl+),a
        ld a,h
        cp #0x9A
        jr nz,3$
        ld a,#1                 ; the second bank: attributes, and tiles upside down
        ldh (0x4F),a
        ld hl,#0x9840
5$:     ld a,h
        add a,a
        add a,a
        add a,a
        add a,l
        ld b,a
        swap a
        xor b
        and #0xEF
        ld (hl+),a
        ld a,h
        cp #0x9A
        jr nz,5$
        ld hl,#0x8000
        ld de,#font
6$:     ld a,(de)
        inc de
        cpl
        ld (hl+),a
        swap a
        ld (hl+),a
        ld a,h
        cp #0x82
        jr nz,6$
        xor a
        ldh (0x4F),a
        ld hl,#0xFE00
        ld de,#objects
        ld b,#160
7$:     ld a,(de)
        inc de
        ld (hl+),a
        dec b
        jr nz,7$

        ld a,#0x80              ; palettes: 64 bytes that follow a rule
        ldh (0x68),a
        ldh (0x6A),a
        ld b,#64
8$:     ld a,b
        add a,a
        add a,a
        xor b
        ldh (0x69),a
        cpl
        rrca
        ldh (0x6B),a
        dec b
        jr nz,8$
        ld a,#100
        ldh (0x4A),a
        ld a,#87
        ldh (0x4B),a
        ld a,#5
        ldh (0x43),a
        ld a,#0xB3
        ldh (0x40),a
9$:     jr 9$

objects: .db 40, 24, 8, 0x00
        .db 40, 20, 11, 0x01    ; under the one before, though further left
        .db 40, 60, 15, 0x22
        .db 40, 70, 15, 0x4B    ; from the second bank
        .db 44, 100, 8, 0x84
        .db 52, 112, 8, 0x05
        .db 60, 40, 8, 0x06
        .db 60, 50, 8, 0x8F
        .db 80, 60, 3, 0x07
        .db 81, 68, 4, 0x00
        .ds 120
