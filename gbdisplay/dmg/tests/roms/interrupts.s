; Interrupts and HALT: when they are served, in which order, how long it takes, and the halt bug.
; A number that fails is that of the check below.

ORDER = 0xC010          ; the handlers' letters, as they came
PLACE = 0xC017           ; where the next one goes
NOTED = 0xC018          ; what B was in the handler

        .area _INTERRUPTS (ABS)
        .org 0x40
        ld a,#1
        jp note
        .org 0x48
        ld a,#2
        jp note
        .org 0x50
        inc c
        jp (hl)
        .org 0x58
        ld a,#4
        jp note
        .org 0x60
        ld a,#5
        jp note

        .org 0x400
main:   call clear              ; no VBlank meanwhile
        ld a,#0x04
        ldh (0xFF),a
        ld hl,#leave            ; what the timer's handler goes on with

; 1: EI lets one more instruction run.
        call ready
        ei
        inc b
        inc b
        inc b
        ld de,#1
        ld a,(NOTED)
        cp #1
        jp nz,failed
        ld a,c
        cp #1
        jp nz,failed

; 2: DI may be that instruction: nothing is served.
        call ready
        ei
        di
        inc b
        nop
        ld de,#2
        ld a,c
        or a
        jp nz,failed

; 3: the request that is served is cleared, and no other one.
        call ready
        ld a,#0x06
        ldh (0x0F),a
        ei
        nop
        nop
        di
        ld de,#3
        ldh a,(0x0F)
        cp #0xE2
        jp nz,failed

; 4: a handler is not interrupted, but RETI lets the next one in before anything else runs.
        call ready
        ld hl,#leave_pending
        ei
        nop
        inc b
        di
        ld hl,#leave
        ld de,#4
        ld a,c
        cp #2
        jp nz,failed
        ld a,(NOTED)
        cp #0
        jp nz,failed

; 5: the lowest bit goes first.
        ld hl,#note_timer
        ld a,#<ORDER
        ld (PLACE),a
        ld a,#0x1F
        ldh (0xFF),a
        ldh (0x0F),a
        ei
        nop
        nop
        di
        ld de,#5
        ld hl,#ORDER
        ld b,#1
1$:     ld a,(hl+)
        cp b
        jp nz,failed
        inc b
        ld a,b
        cp #6
        jr nz,1$
        ld a,#0x04
        ldh (0xFF),a

; 6: dispatch takes five M-cycles. TIMA counts every fourth after a write to DIV; over four distances
; the sum of what it reads is the number of M-cycles at the first.
        ld de,#0                ; the sum, and the distance
distance: push de
        call ready
        ld a,#5
        ldh (0x07),a
        ld a,#<dispatch
        sub e
        ld l,a
        ld h,#>dispatch
        push hl
        ld hl,#stamp
        xor a
        ldh (0x04),a
        ldh (0x05),a
        ret
stamp:  ldh a,(0x05)
        pop hl                  ; where it was interrupted
        pop de
        add a,d
        ld d,a
        inc e
        ld a,e
        cp #4
        jr nz,distance
; LDH to TIMA 3, RET 4, EI 1, NOP 1, dispatch 5, INC C 1, JP 1, the read of LDH 3.
        ld a,d
        ld de,#6
        cp #3+4+1+1+5+1+1+3
        jp nz,failed
        ld hl,#leave

; 7: the halt bug: with a request pending and interrupts off, the next byte is read twice.
        call ready
        halt
        inc b
        ld de,#7
        ld a,b
        cp #2
        jp nz,failed

; 8: HALT without interrupts goes on when one is requested, which stays requested.
        call ready
        call start
        halt
        nop
        inc b
        ld de,#8
        ldh a,(0x0F)
        and #0x04
        jp z,failed
        ld a,c
        or a
        jp nz,failed
        dec b
        jp nz,failed

; 9: HALT with interrupts is left through the handler, and goes on after it.
        call ready
        call start
        ei
        nop
        halt
        inc b
        ld de,#9
        dec b
        jp nz,failed
        dec c
        jp nz,failed
        jp passed

; B and C are 0, interrupts are off, and the timer asks for its own.
ready:  di
        xor a
        ldh (0x07),a
        ld (NOTED),a
        ld a,#0x04
        ldh (0x0F),a
        ld bc,#0
        ret

; The timer asks a while from now, and not before.
start:  xor a
        ldh (0x04),a
        ldh (0x0F),a
        ldh (0x06),a
        ld a,#0xF0
        ldh (0x05),a
        ld a,#5
        ldh (0x07),a
        ret

; Notes B, and returns with interrupts off.
leave:  ld a,b
        ld (NOTED),a
        ret

; The first time, asks again, and returns with interrupts on.
leave_pending: ld a,b
        ld (NOTED),a
        ld a,c
        dec a
        ret nz
        ld a,#0x04
        ldh (0x0F),a
        reti

; Appends A to ORDER.
note_timer: ld a,#3
note:   push hl
        ld hl,#PLACE
        ld l,(hl)
        ld h,#>ORDER
        ld (hl+),a
        ld a,l
        ld (PLACE),a
        pop hl
        reti

        .org 0x703
        nop
        nop
        nop
dispatch: ei
        nop
        ld de,#0xFF
        jp failed
