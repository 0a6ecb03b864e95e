; What is shown before any host speaks: row, column, length, text.

splash: ld de,#splash_text
1$:     ld a,(de)
        inc de
        cp #ROWS
        ret nc
        call row_address
        ld a,(de)
        inc de
        add a,l
        ld l,a
        ld a,(de)
        inc de
        ld b,a
2$:     ld a,(de)
        inc de
        ld (hl+),a
        dec b
        jr nz,2$
        jr 1$

splash_text:
        .db 5, 4, 12
        .ascii "SKERRY PANEL"
        .db 7, 2, 16
        .ascii "for a host on an"
        .db 8, 2, 16
        .ascii "Ethernet overlay"
        .db 11, 2, 16
        .ascii "No host has sent"
        .db 12, 2, 15
        .ascii "anything so far"
        .db 15, 5, 10
        .ascii "protocol "
        .db '0+P_VERSION
        .db 0xFF
