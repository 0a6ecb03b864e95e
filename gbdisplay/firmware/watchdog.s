; When the host is silent.

; Once in a picture. A byte or a frame of which only a part came would spoil the next one: after
; some pictures without a byte both begin anew. The host relies on it.
watchdog:
        ldh a,(rx_head)
        ld b,a
        ldh a,(rx_picture)
        cp b
        ld a,b
        ldh (rx_picture),a
        jr z,1$
        xor a
        ldh (quiet),a
        ret
1$:     ldh a,(quiet)
        inc a
        ldh (quiet),a
        cp #P_WATCHDOG
        ret nz
        xor a
        ldh (quiet),a
        ldh (p_left),a
        ldh (p_wait),a
        di                      ; what comes just now is whole, or else forgotten
        ldh a,(rx_head)
        ldh (rx_tail),a
        call link_ready
        ei
        ret

; The port waits for a byte, from its first bit on.
link_ready:
        ldh a,(status)
        ldh (SB),a
        ld a,#LINK_READY
        ldh (SC),a
        ret

; Once in a picture. What is shown is not what is, if nobody has said anything for long. The screen
; of a console that nobody greeted cannot be stale.
stale_step:
        ldh a,(epoch)
        or a
        jr z,1$
        ldh a,(stale)
        cp #P_STALE
        ld b,#16                ; the upper edge
        jr nc,2$
        inc a
        ldh (stale),a
1$:     ld b,#0
2$:     ldh a,(stale_y)
        cp b
        ret z
        ld a,b
        ldh (stale_y),a
        ld a,#1
        ldh (sprites_dirty),a
        ret
