; Sounds: a pattern is steps of volume, pitch (two bytes) and pictures; 0 pictures end it, and the
; byte behind them says whether it begins again.

op_beep:
        dec b
        jp nz,count_error
        ld a,(de)
        cp #BEEPS
        jp nc,count_error
        or a
        jr z,beep_stop
        dec a
        add a,a
        add a,#<beep_patterns
        ld l,a
        ld a,#>beep_patterns
        adc a,#0
        ld h,a
        ld a,(hl+)
        ldh (beep_low),a
        ld a,(hl)
        ldh (beep_high),a
        ld a,#0x80
        ldh (NR52),a
        ld a,#0x77
        ldh (NR50),a
        ld a,#0x11
        ldh (NR51),a
        xor a
        ldh (NR10),a
        ld a,#0x80              ; as long up as down
        ldh (NR11),a
        ld a,#1                 ; the first step with the next picture
        ldh (beep_left),a
        ret

beep_stop:
        xor a
        ldh (beep_left),a
        ldh (NR52),a            ; off: it takes less of the battery
        ret

; Once in a picture.
beep_step:
        ldh a,(beep_left)
        or a
        ret z
        dec a
        ldh (beep_left),a
        ret nz
        ldh a,(beep_low)
        ld l,a
        ldh a,(beep_high)
        ld h,a
1$:     ld a,(hl+)
        ld b,a                  ; volume
        ld a,(hl+)
        ld c,a                  ; pitch
        ld a,(hl+)
        ld d,a
        ld a,(hl+)
        or a
        jr z,2$
        ldh (beep_left),a
        ld a,l
        ldh (beep_low),a
        ld a,h
        ldh (beep_high),a
        ld a,b
        ldh (NR12),a
        ld a,c
        ldh (NR13),a
        ld a,d
        ldh (NR14),a
        ret
2$:     ld a,(hl+)              ; where it begins again, low byte first; 0: nowhere
        ld c,a
        ld h,(hl)
        ld l,c
        or h
        jr nz,1$
        jr beep_stop

LOUD  = 0xF0
GO    = 0x80
; 131072 / (2048 - pitch) hertz
HIGH  = 1949                    ; 1324 Hz
MIDDLE = 1899                   ; 880 Hz
LOW   = 1849                    ; 659 Hz

beep_patterns:
        .dw beep_tick, beep_notice, beep_alarm
beep_tick:
        .db LOUD, <HIGH, GO|>HIGH, 3
        .db 0, 0, 0, 0, 0, 0
beep_notice:
        .db LOUD, <LOW, GO|>LOW, 6
        .db LOUD, <HIGH, GO|>HIGH, 9
        .db 0, 0, 0, 0, 0, 0
beep_alarm:
        .db LOUD, <HIGH, GO|>HIGH, 8
        .db LOUD, <MIDDLE, GO|>MIDDLE, 8
        .db LOUD, <HIGH, GO|>HIGH, 8
        .db 0, 0, GO, 36
        .db 0, 0, 0, 0
        .dw beep_alarm
