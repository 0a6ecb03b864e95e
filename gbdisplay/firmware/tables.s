; What is looked up. The first three are found by the low byte of an address alone.

        .org 0x4000
op_table:                       ; in the order of their numbers
        .dw op_hello, op_beat, op_map, op_fill, op_tile_draw, op_chart
        .dw op_chart_push, op_cursor, op_blink, op_beep, op_palette

        .org 0x4040
blank_row:
        .rept COLUMNS
        .db T_BLANK
        .endm

        .org 0x4100
nines:                          ; the first tile of a pair of bars, by the left one
        .db T_BARS, T_BARS+T_BAR_LEVELS, T_BARS+T_BAR_LEVELS*2
        .db T_BARS+T_BAR_LEVELS*3, T_BARS+T_BAR_LEVELS*4, T_BARS+T_BAR_LEVELS*5
        .db T_BARS+T_BAR_LEVELS*6, T_BARS+T_BAR_LEVELS*7, T_BARS+T_BAR_LEVELS*8
