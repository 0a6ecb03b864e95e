; The main loop: everything but taking bytes from the link happens here.

main:   ldh a,(rx_head)
        ld b,a
        ldh a,(rx_seen)
        cp b
        call nz,status_next
        call parse
        ldh a,(picture)
        or a
        call nz,each_picture
        ldh a,(busy)
        or a
        jr nz,main
        halt                    ; until a byte comes or a picture has been drawn
        nop
        jr main

; Sixty times a second. What has to be done between pictures comes first.
each_picture:
        xor a
        ldh (picture),a
        call screen_update
        call joypad_read
        call watchdog
        call stale_step
        call blink_step
        call beep_step
        jp status_backlog
