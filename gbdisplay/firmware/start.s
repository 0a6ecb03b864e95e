; From the first instruction to the first picture.

start:  di
        ld sp,#stack
        ld e,a                  ; which console this is
        ldh a,(LCDC)
        rlca
        jr nc,2$                ; the display is off, and no line is drawn
1$:     ldh a,(LY)
        cp #144                 ; it may be switched off between pictures only
        jr c,1$
        xor a
        ldh (LCDC),a
2$:     ld hl,#ring
        ld bc,#0x1F00           ; not the stack
        call clear
        ld hl,#rx_head
        ld bc,#0x7F
        call clear
        ld a,#7
        ldh (lines),a
        ld a,e
        cp #COLOUR
        jr nz,3$
        ld a,#1
        ldh (colour),a
        ld a,#5
        ldh (lines),a
3$:     call load_video
        call load_sprites
        call link_init
        call screen_init
        call splash
        xor a
4$:     ldh (row_next),a
        call row_copy
        ldh a,(row_next)
        inc a
        cp #ROWS
        jr nz,4$
        ld a,#DISPLAY_ON
        ldh (LCDC),a
        xor a
        ldh (IF),a
        ld a,#INT_PICTURE|INT_LINK
        ldh (IE),a
        ei
        jp main

; Sets BC bytes from HL on to 0.
clear:  xor a
        ld (hl+),a
        dec bc
        ld a,b
        or c
        jr nz,clear
        ret

; Tiles and an empty map. The display is off.
load_video:
        ld hl,#VIDEO_TILES
        ld bc,#T_OWN*16
        call clear
        ld de,#tile_data        ; goes on where the own tiles end
        ld bc,#tile_data_end-tile_data
1$:     ld a,(de)
        ld (hl+),a
        inc de
        dec bc
        ld a,b
        or c
        jr nz,1$
        ldh a,(colour)
        or a
        jr z,2$
        ld a,#1                 ; the attributes of the map: all 0
        ldh (VBK),a
        ld hl,#VIDEO_MAP
        ld bc,#0x400
        call clear
        xor a
        ldh (VBK),a
2$:     xor a
        ldh (SCX),a
        ldh (SCY),a
        ret

; What the sprites are never changes, only whether they are on the screen.
load_sprites:
        ld hl,#SPRITES
        ld bc,#160
        call clear
        ld hl,#SPRITES+1
        ld (hl),#8              ; the cursor is in the leftmost column
        inc l
        ld (hl),#T_CURSOR
        ld l,#5
        ld b,#5                 ; five letters, in the topmost row, to the right
        ld c,#T_SIGNS
        ld a,#128
1$:     ld (hl+),a
        ld (hl),c
        inc c
        inc l
        inc l
        inc l
        add a,#8
        dec b
        jr nz,1$
        ret

; The first status, and the port ready for the first byte.
link_init:
        ld hl,#statuses
        ld de,#status_table
        ld b,#16
1$:     ld a,(de)
        inc de
        ld (hl+),a
        dec b
        jr nz,1$
        ld a,#0xFF              ; no frame has this number
        ldh (sequence),a
        call joypad_read
        ld a,(statuses)
        ldh (status),a
        jp link_ready
