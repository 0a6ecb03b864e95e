; Data, labels, repeats and expressions, as the firmware uses them and beyond.
        .area _ROM (ABS)
        .org 0x100
        nop
        jp start
LIMIT = 10
TWICE .equ LIMIT*2
        .org 0x150
start:  ld a,#LIMIT
1$:     dec a
        jr nz,1$
        call 2$
2$:     jr 3$
3$:
other:  jr 1$
1$:     ld hl,#data+1
        ld a,#<data
        ld a,#>data
        ld a,#<data+1
        ld bc,#data+(2*3)
        ld a,(data+TWICE)
        ld (variable),a
        ldh (0xFF47),a
        ldh a,(LIMIT+0x30)
        .rept 3
        rrca
        .rept 2
        inc hl
        .endm
        .endm
data:   .db 1+2*3, 1<<4|2, -1, ~1, (2+3)*2, 7/2, 7%4, 1^3, 6&3, 1|2&4^6
        .db 2*3+4*5, 100-10-1, 64/4/2, 1<<2+1, 0x80>>3, -(3-5), ~0x0F&0xFF
        .db other-start, (other-start)/2, <data, >data, 'x, 'y', ';', ',
        .dw start, data+1, ., .+1, 0b1010, -2
        .ascii "no; escapes"
        .ascii /a "quoted" text/
        .ds 5
        .db <LIMIT, >0x1234, LIMIT
        .dw 0x1234,LIMIT*LIMIT
        .ds 0x80-(.-data)
end:    jp end
        .area _RAM (ABS)
        .org 0xC000
first:  .ds 3
variable: .ds 2
