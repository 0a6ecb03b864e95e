; What has changed goes to video memory, between pictures only: while a line is drawn, what is
; written there is lost.
;
; This interrupts whatever changes rows and tiles. So whoever does sets the flag afterwards: then
; what was copied half done is copied again.
;
; A piece of work is begun only in the first lines of the pause: without colour up to line 150, with
; it up to line 148. Then three lines are left, or five, and the 20 cycles in which the next picture
; looks for its sprites: 362 cycles, or 590. A row takes most. At the hastiest pace, a byte in 126
; cycles with 55 for each, that is 344, or 479, as measured from the look at the line on.

LINE_FIRST = 144

screen_update:
        ldh a,(lines)
        ld b,a
        ldh a,(LY)
        sub #LINE_FIRST
        cp b
        ret nc
        ldh a,(sprites_dirty)
        or a
        call nz,sprites_copy
        ldh a,(shades)
        ldh (BGP),a
1$:     ldh a,(palette_next)
        cp #4
        jr nc,2$
        ldh a,(LY)
        sub #LINE_FIRST
        cp b
        ret nc
        push bc
        call palette_copy
        pop bc
        jr 1$
2$:     ldh a,(rows_dirty)
        or a
        jr z,tiles_update

; Rows, from where the last search ended.
        ldh a,(row_next)
        ld l,a
3$:     ld c,#ROWS              ; a whole round without a flag ends the search
        ld h,#>row_dirty
4$:     ld a,l
        cp #ROWS
        jr c,5$
        ld l,#0
5$:     ld a,(hl)
        or a
        jr nz,6$
        inc l
        dec c
        jr nz,4$
        xor a
        ldh (rows_dirty),a
        jr tiles_update
6$:     ld a,l
        ldh (row_next),a
        ldh a,(LY)
        sub #LINE_FIRST
        cp b
        ret nc
        ld (hl),#0
        call row_copy
        ldh a,(row_next)
        inc a
        ld l,a
        jr 3$

; Then tiles, in the same way: the search goes on where it ended, lest all of the time goes into
; passing by those that have no flag.
tiles_update:
        ldh a,(tiles_dirty)
        or a
        ret z
        ldh a,(tile_next)
        add a,#<tile_dirty
        ld l,a
1$:     ld c,#T_OWN
        ld h,#>tile_dirty
2$:     res 6,l                 ; behind the last flag comes the first
        set 5,l
        ld a,(hl)
        or a
        jr nz,3$
        inc l
        dec c
        jr nz,2$
        xor a
        ldh (tiles_dirty),a
        ret
3$:     ld a,l
        sub #<tile_dirty
        ldh (tile_next),a
        ldh a,(LY)
        sub #LINE_FIRST
        cp b
        ret nc
        ld (hl),#0
        call tile_copy
        ldh a,(tile_next)
        add a,#(<tile_dirty)+1
        ld l,a
        jr 1$

sprites_copy:
        xor a
        ldh (sprites_dirty),a
        ld hl,#SPRITES
        ldh a,(cursor_y)
        ld (hl),a
        ldh a,(stale_y)
        .rept 5
        inc l
        inc l
        inc l
        inc l
        ld (hl),a
        .endm
        ret

; Copies row `row_next`, or blanks while it blinks. Keeps BC.
row_copy:
        ldh a,(row_next)
        call row_address
        ld d,h
        ld e,l
        ld a,h
        add a,#VIDEO_MAP/256-MAP/256
        ld h,a
        ldh a,(blink_hidden)
        or a
        jr z,1$
        push hl
        ldh a,(row_next)
        add a,#<row_blinks
        ld l,a
        ld h,#>row_blinks
        ld a,(hl)
        pop hl
        or a
        jr z,1$
        ld de,#blank_row
1$:
        .rept COLUMNS
        ld a,(de)
        ld (hl+),a
        inc e
        .endm
        ldh a,(colour)
        or a
        ret z

; The palette of every cell of it, which is in the other bank.
row_colour:
        ldh a,(row_next)
        add a,#<row_blinks
        ld e,a
        ld d,#>row_blinks
        ld a,(de)
        add a,a                 ; 2: it blinks
        ld d,a
        ldh a,(cursor)
        ld e,a
        ldh a,(row_next)
        cp e
        jr nz,1$
        ld d,#1                 ; it has the cursor
1$:     ld a,l
        sub #COLUMNS
        ld l,a
        ld a,#1
        ldh (VBK),a
        ld a,d
        .rept COLUMNS
        ld (hl+),a
        .endm
        xor a
        ldh (VBK),a
        ret

; Copies tile `tile_next`. Keeps B.
tile_copy:
        ldh a,(tile_next)
        swap a                  ; sixteen bytes each
        ld e,a
        and #0x0F
        ld c,a
        add a,#>own_tiles
        ld d,a
        ld a,e
        and #0xF0
        ld e,a
        ld l,a
        ld a,c
        add a,#>VIDEO_TILES
        ld h,a
        .rept 16
        ld a,(de)
        ld (hl+),a
        inc e
        .endm
        ret
