; Charts. What a value is in each of three rows is worked out once, when it comes: drawing is then
; to look up a tile for two values. Each row of a chart has a page, so that the index of the oldest
; value shown wraps by itself.

PLACE_LEN = 8

; HL = the place of chart A. Uses A.
chart_place:
        add a,a
        add a,a
        add a,a
        add a,#<chart_places
        ld l,a
        ld h,#>chart_places
        ret

; Row, column, width and height of a chart, which is drawn there from now on.
op_chart:
        ld a,b
        cp #5
        jp nz,count_error
        ld a,(de)
        cp #CHARTS
        jp nc,count_error
        ldh (op_id),a
        inc e
        ld a,e                  ; height stands where FILL has its tile
        add a,#3
        ld c,a
        ld b,e
        ld e,c
        ld a,(de)
        ld e,b
        ldh (op_height),a
        or a
        jr z,1$
        cp #CHART_HEIGHT_MAX+1
        jp nc,count_error
        call chart_check
        jp c,count_error
1$:     ldh a,(op_id)
        call chart_place
        ldh a,(op_row)
        ld (hl+),a
        ldh a,(op_column)
        ld (hl+),a
        ldh a,(op_width)
        ld (hl+),a
        ldh a,(op_height)
        ld (hl),a
        jp chart_draw

; Reads row, column and width, and sets the carry if that is not on the screen.
chart_check:
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
        ldh a,(op_height)
        call in_range
        ret c
        ldh a,(op_column)
        ld b,a
        ld a,#COLUMNS
        sub b
        ld b,a
        ld a,(de)
        ldh (op_width),a
        jp in_range

; Values for the right end of a chart, oldest first.
op_chart_push:
        dec b
        jp z,count_error
        ld a,b
        cp #CHART_HISTORY+1
        jp nc,count_error
        ld a,(de)
        cp #CHARTS
        jp nc,count_error
        ldh (op_id),a
        inc e
        call chart_levels_of
1$:     call chart_value
        dec b
        jr nz,1$
        ldh a,(op_id)
        ld c,l
        call chart_place
        inc l
        inc l
        inc l
        inc l
        ld (hl),c
        jp chart_draw

; HL = where the next value of chart `op_id` goes, in its first page. Keeps BC and DE.
chart_levels_of:
        ldh a,(op_id)
        call chart_place
        inc l
        inc l
        inc l
        inc l
        ld a,(hl)               ; its index
        ld l,a
        ldh a,(op_id)
        ld h,a
        add a,a
        add a,h                 ; three pages each
        add a,#>chart_levels
        ld h,a
        ret

; Puts the value at DE into the three pages. What is more than they hold is lost.
chart_value:
        ld a,(de)
        inc e
        ld c,a
        call chart_level
        inc h
        call chart_level
        inc h
        call chart_level
        dec h
        dec h
        inc l
        ret

; Puts what of C is in this row, and takes it away.
chart_level:
        ld a,c
        cp #T_BAR_LEVELS
        jr c,1$
        ld a,#T_BAR_LEVELS-1
1$:     ld (hl),a
        ld a,c
        sub #T_BAR_LEVELS-1
        jr nc,2$
        xor a
2$:     ld c,a
        ret

; Draws chart `op_id`, if it is anywhere, from its lowest row up.
chart_draw:
        ldh a,(op_id)
        call chart_place
        ld a,(hl+)
        ldh (op_row),a
        ld a,(hl+)
        ldh (op_column),a
        ld a,(hl+)
        ld b,a
        ld a,(hl+)
        or a
        ret z
        ldh (chart_left),a
        ld c,a
        ld a,(hl)
        ldh (chart_head),a
        sub b
        sub b                   ; two values in a tile
        ldh (chart_first),a
        ldh a,(op_row)
        add a,c
        ldh (chart_line),a      ; the row below it
        call chart_levels_of
        ld a,h
        ldh (chart_page),a
1$:     ldh a,(chart_line)
        dec a
        ldh (chart_line),a
        call row_address
        ldh a,(op_column)
        add a,l
        ld c,a
        ld b,h
        ldh a,(chart_page)
        ld d,a
        inc a
        ldh (chart_page),a
        ldh a,(chart_first)
        ld e,a
        ld h,#>nines
2$:     ld a,(de)
        inc e
        ld l,a
        ld a,(de)
        inc e
        add a,(hl)              ; BARS + left * 9 + right
        ld (bc),a
        inc c
        ldh a,(chart_head)
        cp e
        jr nz,2$
        ldh a,(chart_line)
        call row_changed
        ldh a,(chart_left)
        dec a
        ldh (chart_left),a
        jr nz,1$
        ret

; No chart is anywhere, and nothing was ever pushed. Where a value goes next stays what it was.
charts_clear:
        xor a
1$:     ldh (op_id),a
        call chart_place
        inc l
        inc l
        inc l
        ld (hl),#0              ; no height
        call chart_levels_of
        ld c,#CHART_HEIGHT_MAX
2$:     ld b,#CHART_HISTORY
        ld a,l
        sub b
        ld l,a
        xor a
3$:     ld (hl),a
        inc l
        dec b
        jr nz,3$
        inc h
        dec c
        jr nz,2$
        ldh a,(op_id)
        inc a
        cp #CHARTS
        jr c,1$
        ret
