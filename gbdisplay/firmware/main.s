; The main loop: everything but taking bytes from the link happens here.

main:   ldh a,(picture)
        or a
        call nz,each_picture
        ldh a,(rx_head)
        ld b,a
        ldh a,(rx_seen)
        cp b
        call nz,status_next
        ldh a,(rx_tail)
        ld c,a
        ldh a,(rx_head)
        sub c
        ld c,a                  ; so many bytes wait
        ldh a,(p_wait)
        cp c
        jr nc,1$                ; too few to be worth it
        call parse
        jr main
1$:     ldh a,(rx_head)
        cp b
        jr nz,main              ; one came meanwhile, and will not wake us
        halt                    ; until a byte comes or a picture has been drawn
        nop
        jr main

; Between two pictures, whatever else goes on.
picture_drawn:
        ld a,#1
        ldh (picture),a
        push bc
        push de
        push hl
        call screen_update
        pop hl
        pop de
        pop bc
        pop af
        ret

; Sixty times a second, when there is time for it.
each_picture:
        xor a
        ldh (picture),a
        call joypad_read
        call watchdog
        call stale_step
        call blink_step
        call beep_step
        jp status_backlog
