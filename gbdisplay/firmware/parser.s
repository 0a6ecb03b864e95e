; Finds frames in the ring.
;
; A frame is checked in batches while it still comes, so that little is left to do when it is
; whole. If it turns out to be none, the search goes on behind its first byte: a good one may
; have begun in it. It is still in the ring, which is longer than three frames.

parse:  ldh a,(rx_tail)
        ld e,a
        ld d,#>ring
        ldh a,(p_left)
        or a
        jr nz,parse_body
        ldh a,(rx_head)
        ld c,a
1$:     ld a,e
        cp c
        jr z,parse_later
        ld a,(de)
        inc e
        cp #P_SYNC
        jr nz,1$
        ld a,e
        cp c
        jr nz,2$
        dec e                   ; its length did not come yet: find it again then
        jr parse_later
2$:     ld a,(de)
        sub #P_LEN_MIN
        cp #P_LEN_MAX-P_LEN_MIN+1
        jr nc,1$                ; no length; but it may be the first byte of a frame
        ld a,e
        ldh (p_frame),a
        ld a,(de)
        add a,#3                ; with itself and the CRC
        ldh (p_left),a
        ld a,#0xFF
        ldh (p_crc_high),a
        ldh (p_crc_low),a

parse_body:
        ldh a,(rx_head)
        sub e
        ld c,a                  ; bytes that are there
        ldh a,(p_left)
        cp c
        jr z,1$
        jr c,1$
        ld a,c                  ; not all of them, but are they worth a batch?
        cp #P_BATCH
        jr c,parse_later
1$:     ld b,a                  ; bytes to check now
        add a,e
        ldh (p_end),a
        ldh a,(p_left)
        sub b
        ldh (p_left),a
        ldh a,(p_crc_high)
        ld b,a
        ldh a,(p_crc_low)
        ld c,a
        ld h,#>crc_high
2$:     ld a,(de)               ; 20 cycles for each byte
        inc e
        xor b
        ld l,a
        ld a,(hl)
        xor c
        ld b,a
        inc h
        ld c,(hl)
        dec h
        ldh a,(p_end)
        cp e
        jr nz,2$
        ld a,b
        ldh (p_crc_high),a
        ld a,c
        ldh (p_crc_low),a
        ldh a,(p_left)
        or a
        jr z,parse_whole
parse_later:
        ld a,e
        ldh (rx_tail),a
        ldh a,(p_left)
        or a
        jr nz,1$
        ld a,#4                 ; no frame is as short
1$:     cp #P_BATCH
        jr c,2$
        ld a,#P_BATCH
2$:     dec a
        ldh (p_wait),a
        ret

parse_whole:
        xor a                   ; more may be in the ring
        ldh (p_wait),a
        ld a,b
        or c
        jr nz,1$                ; a frame with its CRC has none left
        ld a,e
        ldh (rx_tail),a
        jr frame
1$:     ldh a,(p_frame)
        ldh (rx_tail),a
        jp count_error

; A frame came whole.
frame:  ldh a,(p_frame)
        ld e,a
        ld a,(de)
        sub #P_LEN_MIN
        ldh (op_len),a
        inc e
        ld a,(de)
        cp #P_SEQUENCES
        jp nc,count_error
        ld b,a
        inc e
        ld a,(de)
        ld c,a                  ; what is asked for
        inc e                   ; DE is the payload from here on; it wraps as E does
        xor a
        ldh (stale),a
        ldh a,(sequence)
        xor b
        ldh (op_new),a
        ld a,b
        ldh (sequence),a
        ld a,c
        cp #OP_HELLO
        jr nz,1$
        call op_hello           ; even with the number of the last frame: the host may be new
        ldh a,(sequence)
        jp status_ack           ; this takes long; the next frame comes when it is done
1$:     ldh a,(sequence)
        call status_ack         ; done or refused: the host need not send it again
        ldh a,(op_new)
        or a
        ret z
        ldh a,(epoch)
        or a
        jp z,count_error
        ld a,c
        dec a
        cp #OP_PALETTE
        jp nc,count_error
        add a,a
        ld l,a
        ld h,#>op_table
        ld a,(hl+)
        ld h,(hl)
        ld l,a
        ldh a,(op_len)
        ld b,a                  ; B is the length of the payload
        jp (hl)
parser_end:
