; What the host is told: sixteen bytes in turn, of which every second one is the number of the last
; frame.

; Tells the next one from the next byte on. B is the head of the ring.
status_next:
        ld a,b
        ldh (rx_seen),a
        ldh a,(turn)
        inc a
        and #15
        ldh (turn),a
        ld l,a
        ld h,#>statuses
        ld a,(hl)
        ldh (status),a
        ld a,l
        or a
        ret nz
        jp joypad_read          ; more often than pictures are drawn: keys answer sooner

; Acknowledges the frame with number A, at once and twice. Keeps BC and DE.
status_ack:
        or #S_ACK
        ldh (status),a
        ld hl,#statuses
        .rept 8
        ld (hl+),a
        inc l
        .endm
        ld a,#15
        ldh (turn),a
        ret

; How much waits in the ring.
status_backlog:
        ldh a,(rx_tail)
        ld b,a
        ldh a,(rx_head)
        sub b
        swap a
        and #0x0F
        or #S_BACKLOG
        ld (statuses+AT_BACKLOG),a
        ret

; Counts a frame that was broken or refused.
count_error:
        ldh a,(errors)
        inc a
        ldh (errors),a
        and #0x0F
        or #S_ERRORS
        ld (statuses+AT_ERRORS),a
        ret
