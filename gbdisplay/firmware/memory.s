; Where everything is kept. What says "page" begins at a multiple of 256, so that its address
; fits in one register and an index of eight bits wraps by itself.

MAP = 0xC200

        .area _WORK (ABS)
        .org 0xC000
ring:           .ds 256         ; page: bytes as they came
statuses:       .ds 256         ; page: what is told to the host, in turn (16 are used)
        .org MAP
map:            .ds 576         ; page: the tiles of 18 rows, 32 cells each as in video memory
        .org 0xC500
flags:                          ; page: a byte each, told apart by bits of the address
row_dirty:      .ds 32          ; rows that video memory does not have yet
tile_dirty:     .ds 32          ; own tiles that it does not have yet
row_blinks:     .ds 32          ; rows that blink
        .org 0xC600
own_tiles:      .ds 512         ; page: what the host drew
chart_places:   .ds 32          ; page: row, column, width, height, next; eight bytes each
palettes:       .ds 32          ; four palettes of four colours
        .org 0xD000
chart_levels:   .ds 3072        ; pages: of four charts, of three rows each, what is in them
        .org 0xDFFF
stack:          .ds 1

        .area _HIGH (ABS)
        .org 0xFF80
rx_head:        .ds 1           ; where in the ring the next byte goes
rx_byte:        .ds 1           ; the byte while the handler is at work
status:         .ds 1           ; what is told with the next byte
picture:        .ds 1           ; not 0 when a picture has been drawn
variables:                      ; from here on only the main loop looks
rx_tail:        .ds 1           ; where the search for a frame goes on
rx_seen:        .ds 1           ; head when the status changed last
rx_picture:     .ds 1           ; head when the last picture was drawn
turn:           .ds 1           ; which of the statuses is told
p_wait:         .ds 1           ; the parser is called when more bytes than this wait
p_left:         .ds 1           ; bytes of a frame that are not checked yet; 0: none is known
p_frame:        .ds 1           ; where in the ring its length is
p_end:          .ds 1           ; where in the ring a batch ends
p_crc_high:     .ds 1
p_crc_low:      .ds 1
sequence:       .ds 1           ; of the last frame
epoch:          .ds 1           ; of the last greeting
errors:         .ds 1
op_new:         .ds 1           ; 0 if the frame came before
op_len:         .ds 1           ; of the payload
op_row:         .ds 1
op_column:      .ds 1
op_height:      .ds 1
op_width:       .ds 1
op_tile:        .ds 1
op_id:          .ds 1
rows_dirty:     .ds 1           ; not 0 when any flag of a row is set
tiles_dirty:    .ds 1           ; not 0 when any flag of a tile is set
row_next:       .ds 1           ; the row that is copied, or where the search goes on
tile_next:      .ds 1           ; the tile that is copied, or where the search goes on
chart_head:     .ds 1
chart_first:    .ds 1
chart_page:     .ds 1
chart_line:     .ds 1
chart_left:     .ds 1
cursor:         .ds 1           ; row, or CURSOR_OFF
cursor_y:       .ds 1           ; where its sprite is; 0 is outside the screen
stale:          .ds 1           ; pictures since the last good frame
stale_y:        .ds 1           ; where the word is
sprites_dirty:  .ds 1
blink_pictures: .ds 1           ; between two changes
blink_left:     .ds 1           ; until the next change
blink_hidden:   .ds 1           ; 1 while rows that blink are not shown
beep_left:      .ds 1           ; pictures of this step; 0: silence
beep_low:       .ds 1           ; where the next step is
beep_high:      .ds 1
quiet:          .ds 1           ; pictures without a byte
shades:         .ds 1           ; of the map
palette_next:   .ds 1           ; the palette that the hardware gets next; 4: it has them all
colour:         .ds 1           ; 1 if the console has colour
lines:          .ds 1           ; of the pause between pictures in which work may begin
scratch:        .ds 1
