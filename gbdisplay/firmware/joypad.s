; The keys, which go straight to the host.

joypad_read:
        ld a,#0x20              ; directions
        ldh (P1),a
        ldh a,(P1)
        ldh a,(P1)              ; the lines take a moment
        cpl                     ; a key that is held reads as 0
        and #0x0F
        or #S_DIRECTIONS
        ld (statuses+AT_DIRECTIONS),a
        ld (statuses+AT_DIRECTIONS_2),a
        ld a,#0x10              ; buttons
        ldh (P1),a
        ldh a,(P1)
        ldh a,(P1)
        ldh a,(P1)
        ldh a,(P1)
        cpl
        and #0x0F
        or #S_BUTTONS
        ld (statuses+AT_BUTTONS),a
        ld (statuses+AT_BUTTONS_2),a
        ld a,#0x30
        ldh (P1),a
        ret
