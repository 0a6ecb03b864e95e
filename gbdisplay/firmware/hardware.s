; Registers (Pan Docs, "Hardware Registers") and memory of the console.

P1   = 0xFF00           ; keys
SB   = 0xFF01           ; link: the byte
SC   = 0xFF02           ; link: control
IF   = 0xFF0F           ; interrupts that wait
NR10 = 0xFF10           ; first voice: sweep
NR11 = 0xFF11           ; its shape
NR12 = 0xFF12           ; its volume
NR13 = 0xFF13           ; its pitch, low byte
NR14 = 0xFF14           ; its pitch, high bits, and go
NR50 = 0xFF24           ; volume of both sides
NR51 = 0xFF25           ; which voice on which side
NR52 = 0xFF26           ; sound on or off
LCDC = 0xFF40           ; what the display shows
SCY  = 0xFF42
SCX  = 0xFF43
LY   = 0xFF44           ; the line that is drawn; 144 and more are none
BGP  = 0xFF47           ; shades of the map
OBP0 = 0xFF48           ; shades of sprites
VBK  = 0xFF4F           ; colour only: bank of video memory
BCPS = 0xFF68           ; colour only: which byte of the palettes
BCPD = 0xFF69
OCPS = 0xFF6A           ; the same for sprites
OCPD = 0xFF6B
IE   = 0xFFFF           ; interrupts that are wanted

VIDEO_TILES = 0x8000
VIDEO_MAP   = 0x9800
SPRITES     = 0xFE00

INT_PICTURE = 0x01
INT_LINK    = 0x08
LINK_READY  = 0x80      ; wait for a byte, clocked from outside
DISPLAY_ON  = 0x93      ; with map, sprites, and tiles from 0x8000 on
COLOUR      = 0x11      ; in A at the start of a console with colour
