; The PPU seen from the CPU: lengths of a line, of mode 3 and of a frame, what is closed when, and the
; interrupts of VBlank and LYC. A number that fails is that of the check below.

        .area _VIDEO (ABS)
        .org 0x400
main:   ld d,#1
; 1: in mode 3 video memory reads FF and a write is lost.
        call clear
        ld hl,#0x8800
        ld (hl),#0x12
        ld a,#0x91
        ldh (0x40),a
        call line_40
1$:     ldh a,(0x41)
        and #3
        cp #3
        jr nz,1$
        ld a,(hl)
        ld (hl),#0x34
        inc a
        call nz,wrong
2$:     ldh a,(0x41)
        and #3
        jr nz,2$
        ld a,(hl)
        cp #0x12
        call nz,wrong
        inc d

; 2: in mode 0 a write is not lost.
        call line_40
3$:     ldh a,(0x41)
        and #3
        cp #3
        jr nz,3$
4$:     ldh a,(0x41)
        and #3
        jr nz,4$
        ld (hl),#0x56
        ld a,(hl)
        cp #0x56
        call nz,wrong
        inc d

; 3: OAM is closed in mode 2.
        call line_40
5$:     ldh a,(0x41)
        and #3
        cp #2
        jr nz,5$
        ld a,(0xFE00)
        inc a
        call nz,wrong
        inc d

; 4: the VBlank interrupt is asked for once a frame, 17556 M-cycles apart: DIV, which counts every 64
; and wraps at 256 of them, moves by 274 or 275.
        xor a
        ldh (0x0F),a
        call vblank
        xor a
        ldh (0x04),a
        call vblank
        ldh a,(0x04)
        sub #274-256
        cp #2
        call nc,wrong
        inc d

; 5: and at line 144.
        ldh a,(0x44)
        cp #144
        call nz,wrong
        inc d

; 6: LYC = LY interrupts on that line, when STAT enables it.
        ld a,#77
        ldh (0x45),a
        ld a,#0x40
        ldh (0x41),a
        call vblank
        ldh a,(0x0F)
        and #0xFD
        ldh (0x0F),a
6$:     ldh a,(0x0F)
        and #2
        jr z,6$
        ldh a,(0x44)
        cp #77
        call nz,wrong
        ldh a,(0x41)
        and #4
        call z,wrong
        inc d

; 7: 153 lines follow line 0 before the next.
        xor a
        ldh (0x41),a
7$:     ldh a,(0x44)
        cp #1
        jr nz,7$
        ld e,#0
        ld c,a
8$:     ldh a,(0x44)
        cp c
        jr z,8$
        ld c,a
        inc e
        cp #1
        jr nz,8$
        ld a,e
        cp #153                 ; line 153 is seen as line 0, or for an M-cycle as itself
        jr z,9$
        cp #154
        call nz,wrong
9$:     inc d

; 8: DMA copies 160 bytes to OAM. It runs from high memory, since nothing else can be read meanwhile.
        ld hl,#0xC100
        ld b,#0
10$:    ld a,l
        xor #0x5A
        ld (hl+),a
        dec b
        jr nz,10$
        ld hl,#transfer
        ld c,#0x80
11$:    ld a,(hl+)
        ldh (c),a
        inc c
        ld a,c
        cp #0x80+transfer_end-transfer
        jr nz,11$
        call vblank
        ld a,#0xC1
        call 0xFF80
        call clear
        ld hl,#0xFE00
12$:    ld a,l
        xor #0x5A
        cp (hl)
        call nz,wrong
        inc l
        ld a,l
        cp #160
        jr nz,12$
        jp passed

transfer: ldh (0x46),a
        ld a,#40
13$:    dec a
        jr nz,13$
        ret
transfer_end:

wrong:  ld e,d
        ld d,#0
        jp failed

; The start of line 40.
line_40: ldh a,(0x44)
        cp #39
        jr nz,line_40
1$:     ldh a,(0x44)
        cp #40
        jr nz,1$
        ret

; Until VBlank asks for its interrupt.
vblank: ldh a,(0x0F)
        and #0xFE
        ldh (0x0F),a
1$:     ldh a,(0x0F)
        rrca
        jr nc,1$
        ret
