; What a host can ask for: the small things. Each is entered with the payload at DE, which wraps
; with E, and its length in B.

; The first thing that a host says: everything that was shown is forgotten.
op_hello:
        ldh a,(op_len)
        cp #2
        jp nz,count_error
        ld a,(de)
        cp #P_VERSION
        jp nz,count_error
        inc e
        ld a,(de)
        or a
        jp z,count_error
        cp #P_EPOCH_MAX+1
        jp nc,count_error
        ldh (epoch),a
        or #S_EPOCH
        ld (statuses+AT_EPOCH),a

; Shows nothing.
screen_init:
        call map_clear
        call tiles_clear
        call charts_clear
        call palette_default
        call beep_stop
        call blink_clear
        ld a,#CURSOR_OFF
        jr cursor_move

; A sign of life, which the parser has seen already.
op_beat:
        ld a,b
        or a
        ret z
        jp count_error

op_cursor:
        dec b
        jp nz,count_error
        ld a,(de)
        cp #CURSOR_OFF
        jr z,cursor_move
        cp #ROWS
        jp nc,count_error

; Puts the cursor beside row A. With colour both rows change.
cursor_move:
        ld b,a
        ldh a,(cursor)
        ld c,a
        ld a,b
        ldh (cursor),a
        call cursor_dirty
        ld a,c
        call cursor_dirty
        ld a,b
        cp #CURSOR_OFF
        ld a,#0
        jr z,1$
        ld a,b
        add a,#2                ; a sprite at 16 is at the upper edge
        add a,a
        add a,a
        add a,a
1$:     ldh (cursor_y),a
        ld a,#1
        ldh (sprites_dirty),a
        ret

; Has row A copied, if it is one.
cursor_dirty:
        cp #ROWS
        ret nc
        jp row_changed
