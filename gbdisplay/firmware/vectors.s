; Where the processor goes by itself: at interrupts and at the start.

        .area _ROM (ABS)
        .org 0x38               ; empty memory reads as a call of this
        jp start

; A picture has been drawn. The link must not wait for this, so it may interrupt at once.
        .org 0x40
        ei
        push af
        jp picture_drawn

; The link has a byte. The host sends the next one soon, whatever we do: first of all the port is
; made ready again, with an answer, and then the byte is put into the ring. 55 cycles with the
; dispatch, ready after 26 of them; it runs on over the vector behind it, which is never used.
        .org 0x58
        push af
        ldh a,(SB)
        ldh (rx_byte),a
        ldh a,(status)
        ldh (SB),a
        ld a,#LINK_READY
        ldh (SC),a
        push hl
        ldh a,(rx_head)
        ld l,a
        inc a
        ldh (rx_head),a
        ld h,#>ring
        ldh a,(rx_byte)
        ld (hl),a
        pop hl
        pop af
        reti
link_end:

        .org 0x100
        nop
        jp start
        .org 0x150              ; behind the header
