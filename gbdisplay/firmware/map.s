; The tiles of the screen.

; HL = the first cell of row A. Uses A.
row_address:
        rrca
        rrca
        rrca
        ld h,a
        and #0xE0               ; 32 cells each
        ld l,a
        ld a,h
        and #0x1F
        add a,#>map
        ld h,a
        ret

; Tiles side by side, which go on in the next row.
op_map: ld a,b
        sub #3
        jp c,count_error
        inc a
        ld c,a                  ; C tiles
        ld a,(de)
        cp #ROWS
        jp nc,count_error
        ldh (op_row),a
        inc e
        ld a,(de)
        cp #COLUMNS
        jp nc,count_error
        ldh (op_column),a
        inc e
        add a,c                 ; do they end on the screen?
        ld l,a
        ldh a,(op_row)
        ld h,a
1$:     ld a,l
        cp #COLUMNS+1
        jr c,2$
        sub #COLUMNS
        ld l,a
        inc h
        jr 1$
2$:     ld a,h
        cp #ROWS
        jp nc,count_error
3$:     ldh a,(op_row)
        call row_address
        ldh a,(op_column)
        ld b,a
        add a,l
        ld l,a
        ld a,#COLUMNS
        sub b
        ld b,a                  ; B cells to the end of the row
        xor a
        ldh (op_column),a
4$:     ld a,(de)               ; 12 cycles for each tile
        inc e
        ld (hl+),a
        dec c
        jr z,5$
        dec b
        jr nz,4$
        ldh a,(op_row)
        call row_changed
        ldh a,(op_row)
        inc a
        ldh (op_row),a
        jr 3$
5$:     ldh a,(op_row)

; Has row A copied to video memory. Uses A and HL.
row_changed:
        ld l,a
        ld h,#>row_dirty
        ld a,#1
        ld (hl),a
        ldh (rows_dirty),a
        ret

; A rectangle of one tile.
op_fill:
        ld a,b
        cp #5
        jp nz,count_error
        call read_place
        jp c,count_error
        ld a,(de)
        ldh (op_tile),a
        jr fill

; Reads row, column, height and width, and sets the carry if that is no part of the screen.
read_place:
        ld a,(de)
        inc e
        ldh (op_row),a
        cp #ROWS
        ccf
        ret c
        ld a,(de)
        inc e
        ldh (op_column),a
        cp #COLUMNS
        ccf
        ret c
        ldh a,(op_row)
        ld b,a
        ld a,#ROWS
        sub b
        ld b,a
        ld a,(de)
        inc e
        ldh (op_height),a
        call in_range
        ret c
        ldh a,(op_column)
        ld b,a
        ld a,#COLUMNS
        sub b
        ld b,a
        ld a,(de)
        inc e
        ldh (op_width),a

; Sets the carry unless A is 1 to B.
in_range:
        cp #1
        ret c
        dec a
        cp b
        ccf
        ret

fill:   ldh a,(op_row)
        call row_address
        ldh a,(op_column)
        add a,l
        ld l,a
        ldh a,(op_width)
        ld b,a
        ldh a,(op_tile)
1$:     ld (hl+),a
        dec b
        jr nz,1$
        ldh a,(op_row)
        call row_changed
        ldh a,(op_row)
        inc a
        ldh (op_row),a
        ldh a,(op_height)
        dec a
        ldh (op_height),a
        jr nz,fill
        ret

; All of it blank.
map_clear:
        xor a
        ldh (op_row),a
        ldh (op_column),a
        ld a,#ROWS
        ldh (op_height),a
        ld a,#COLUMNS
        ldh (op_width),a
        ld a,#T_BLANK
        ldh (op_tile),a
        jr fill

; Tiles that the host draws itself: the first one, and sixteen bytes for each.
op_tile_draw:
        ld a,b
        dec a
        jp z,count_error
        ld c,a                  ; C bytes
        and #0x0F
        jp nz,count_error
        ld a,c
        swap a
        cp #TILES_MAX+1
        jp nc,count_error
        ld b,a                  ; B tiles
        ld a,(de)
        cp #T_OWN
        jp nc,count_error
        add a,b
        cp #T_OWN+1
        jp nc,count_error
        ld a,(de)
        inc e
        ldh (op_tile),a
        swap a                  ; sixteen bytes each
        ld l,a
        and #0x0F
        add a,#>own_tiles
        ld h,a
        ld a,l
        and #0xF0
        ld l,a
1$:     ld a,(de)
        inc e
        ld (hl+),a
        dec c
        jr nz,1$
        ldh a,(op_tile)
        add a,#<tile_dirty
        ld l,a
        jr tiles_changed

; All of them empty.
tiles_clear:
        ld hl,#own_tiles
        ld bc,#T_OWN*16
        call clear
        ld l,#<tile_dirty
        ld b,#T_OWN

; Has B tiles copied, from the one whose flag is at L on. The flag of the flags is set behind them
; all: a picture that is drawn in between clears it when it finds no more of them.
tiles_changed:
        ld h,#>tile_dirty
        ld a,#1
1$:     ld (hl+),a
        dec b
        jr nz,1$
        ldh (tiles_dirty),a
        ret
