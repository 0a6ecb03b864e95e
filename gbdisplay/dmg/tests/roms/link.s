; Shows the bytes that come over the link as two digits each, the keys that are held, and some of
; everything that the PPU can do: scrolling that changes within the frame, the window, objects that
; overlap, flip, hide behind the background, and crowd a line. It never ends.
;
; What goes back for a byte is the one before, inverted. 00 is idle, and not shown.

HEAD = 0xC100           ; where the handler puts the next byte: FIFO, a page
TAIL = 0xC101           ; where the main loop takes the next one
PICTURE = 0xC104        ; not 0 once a picture was drawn
CURSOR = 0xC102         ; the next cell, two bytes
FIFO = 0xC200

        .area _LINK (ABS)
        .org 0x40
        jp picture
        .org 0x48
        jp split
        .org 0x58
        jp received

        .org 0x400
main:   call clear
        ld hl,#0x9800           ; rows 2 to 17: all glyphs
        ld de,#0x0040
        add hl,de
1$:     ld a,l
        and #0x1F
        cp #BLANK
        jr c,2$
        ld a,#BLANK
2$:     ld (hl+),a
        ld a,h
        cp #0x9A
        jr nz,1$
        ld hl,#0x9C00           ; the window: PASS all over
3$:     ld a,l
        and #3
        add a,#16
        ld (hl+),a
        ld a,h
        cp #0x9E
        jr nz,3$
        ld hl,#0xFE00
        ld de,#objects
        ld b,#160
4$:     ld a,(de)
        inc de
        ld (hl+),a
        dec b
        jr nz,4$

        xor a
        ld (HEAD),a
        ld (TAIL),a
        ld (PICTURE),a
        ld hl,#CURSOR
        ld (hl+),a
        ld (hl),#0x98
        ldh (0x0F),a
        ld a,#0x9B
        ldh (0x48),a
        ld a,#0x53
        ldh (0x49),a
        ld a,#2
        ldh (0x42),a
        ld a,#100               ; the window: from line 100 and column 80 on
        ldh (0x4A),a
        ld a,#87
        ldh (0x4B),a
        ld a,#63
        ldh (0x45),a
        ld a,#0x40
        ldh (0x41),a
        ld a,#0x0B
        ldh (0xFF),a
        ld a,#0xF3
        ldh (0x40),a
        ld a,#0x80
        ldh (0x02),a
        ei

loop:   halt                    ; until a byte comes, or a picture was drawn
        nop
        ld a,(PICTURE)
        or a
        jr z,loop
        xor a
        ld (PICTURE),a
        ldh (0x43),a
        call keys
        ld hl,#0x9A06           ; row 16, left of the window
        call print_byte
        call take
        call take
        call take
        call take
        jr loop

picture: push af
        ld a,#1
        ld (PICTURE),a
        pop af
        reti

; Shows a byte, if one came.
take:   ld a,(TAIL)
        ld l,a
        ld a,(HEAD)
        cp l
        ret z
        ld h,#>FIFO
        ld c,(hl)
        ld a,l
        inc a
        ld (TAIL),a
        ld a,(CURSOR)
        ld l,a
        ld a,(CURSOR+1)
        ld h,a
        ld a,c
        call print_byte
        ld a,l
        and #0x3F               ; two rows
        ld (CURSOR),a
        ret

; The keys that are held, as the host has them.
keys:   ld a,#0x20
        ldh (0x00),a
        ldh a,(0x00)
        ldh a,(0x00)
        cpl
        and #0x0F
        ld b,a
        ld a,#0x10
        ldh (0x00),a
        ldh a,(0x00)
        ldh a,(0x00)
        cpl
        swap a
        and #0xF0
        or b
        ret

received: push af
        push hl
        ld a,(HEAD)
        ld l,a
        ld h,#>FIFO
        ldh a,(0x01)
        ld (hl),a
        or a
        jr z,1$
        inc l
1$:     cpl
        ldh (0x01),a
        ld a,#0x80
        ldh (0x02),a
        ld a,l
        ld (HEAD),a
        pop hl
        pop af
        reti

; Line 63: from the next one on, the background is elsewhere.
split:  push af
1$:     ldh a,(0x41)
        and #3
        jr nz,1$
        ld a,#21
        ldh (0x43),a
        pop af
        reti

; Y, X, tile, attributes.
objects: .db 40, 20, 8, 0x00
        .db 40, 24, 11, 0x10    ; overlaps the one before
        .db 40, 60, 15, 0x20
        .db 40, 70, 15, 0x40
        .db 40, 80, 15, 0x60
        .db 44, 100, 8, 0x80    ; behind
        .db 44, 112, 8, 0x90
        .db 12, 4, 8, 0x00      ; over the corner
        .db 155, 164, 8, 0x00
        .db 120, 120, 8, 0x00   ; over the window
        .db 120, 132, 8, 0x80
; Twelve on a line: the last two do not show.
        .db 90, 10, 0, 0
        .db 90, 20, 1, 0
        .db 90, 30, 2, 0
        .db 90, 40, 3, 0
        .db 90, 50, 4, 0
        .db 90, 60, 5, 0
        .db 90, 70, 6, 0
        .db 90, 80, 7, 0
        .db 90, 90, 8, 0
        .db 90, 100, 9, 0
        .db 90, 110, 10, 0
        .db 90, 120, 11, 0
        .ds 68
