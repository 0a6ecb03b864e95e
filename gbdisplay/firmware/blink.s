; Rows that blink: for some pictures they are shown, for as many they are blank.

op_blink:
        ld a,b
        cp #4
        jp nz,count_error
        ld a,e
        add a,#2
        ld c,a
        add a,#1
        ld b,e
        ld e,a
        ld a,(de)               ; the last byte: pictures
        or a
        jp z,count_error
        ldh (scratch),a
        ld e,c
        ld a,(de)               ; the third byte: only two rows
        cp #4
        jp nc,count_error
        ld e,b
        ldh a,(scratch)
        ldh (blink_pictures),a
        ldh (blink_left),a
        xor a
        ldh (blink_hidden),a
        ld hl,#row_blinks
        ld b,#8
        call blink_spread
        ld b,#8
        call blink_spread
        ld b,#ROWS-16

; B bits of the byte at DE to flags at HL. Rows that blinked or will are copied.
blink_spread:
        ld a,(de)
        inc e
        ld c,a
1$:     rr c
        ld a,#0
        adc a,a
        ldh (scratch),a
        or (hl)
        ldh (op_tile),a
        ldh a,(scratch)
        ld (hl),a
        ldh a,(op_tile)
        or a
        call nz,blink_dirty
        inc l
        dec b
        jr nz,1$
        ret

; Has the row whose flag is at HL copied. Flags of both kinds are in one page.
blink_dirty:
        res 6,l
        ld (hl),#1
        set 6,l
        ld a,#1
        ldh (rows_dirty),a
        ret

; Nothing blinks.
blink_clear:
        xor a
        ldh (blink_hidden),a
        ldh (blink_left),a
        inc a
        ldh (blink_pictures),a
        ld hl,#row_blinks
        ld bc,#ROWS
        jp clear

; Once in a picture.
blink_step:
        ldh a,(blink_left)
        or a
        ret z
        dec a
        ldh (blink_left),a
        ret nz
        ldh a,(blink_pictures)
        ldh (blink_left),a
        ldh a,(blink_hidden)
        xor #1
        ldh (blink_hidden),a
        ld hl,#row_blinks
        ld b,#ROWS
1$:     ld a,(hl)
        or a
        call nz,blink_dirty
        inc l
        dec b
        jr nz,1$
        ret
