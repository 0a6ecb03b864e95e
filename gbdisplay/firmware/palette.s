; Shades, and colours where there are any. Palette 0 is that of rows, 1 of the one with the
; cursor, 2 of those that blink.

op_palette:
        ld a,b
        cp #33
        jp nz,count_error
        ld a,(de)
        inc e
        ldh (shades),a
        ld hl,#palettes
        ld b,#32
1$:     ld a,(de)
        inc e
        ld (hl+),a
        dec b
        jr nz,1$
palette_changed:
        xor a
        ldh (palette_next),a
        ret

palette_default:
        ld a,#0xE4
        ldh (shades),a
        ldh (BGP),a
        ld a,#0xE0              ; of sprites, the second colour is white and the first none
        ldh (OBP0),a
        ld hl,#palettes
        ld de,#palette_table
        ld b,#32
1$:     ld a,(de)
        inc de
        ld (hl+),a
        dec b
        jr nz,1$
        jr palette_changed

; Gives the hardware palette `palette_next`; all at once would take too long.
palette_copy:
        ldh a,(palette_next)
        ld b,a
        inc a
        ldh (palette_next),a
        ldh a,(colour)
        or a
        ret z
        ld a,b
        add a,a
        add a,a
        add a,a                 ; eight bytes each
        ld c,a
        or #0x80                ; the next one after each
        ldh (BCPS),a
        ldh (OCPS),a
        ld a,c
        add a,#<palettes
        ld l,a
        ld h,#>palettes
        ld b,#8
1$:     ld a,(hl+)
        ldh (BCPD),a
        dec b
        jr nz,1$
        ld a,c
        or a
        ret nz
        ld hl,#palette_sprites
        ld b,#8
2$:     ld a,(hl+)
        ldh (OCPD),a
        dec b
        jr nz,2$
        ret

; Five bits each of blue, green and red, from the lightest to the darkest.
palette_table:
        .dw 0x7FFF, 0x5EF7, 0x3DAF, 0x0421      ; paper
        .dw 0x4BFF, 0x3B1B, 0x25F2, 0x0421      ; the cursor: yellow paper
        .dw 0x08DC, 0x2D9E, 0x5AFE, 0x7FFF      ; an alert: white on red
        .dw 0x0421, 0x3DAF, 0x5EF7, 0x7FFF      ; white on black
palette_sprites:
        .dw 0x7FFF, 0x7FFF, 0x08DC, 0x0018
