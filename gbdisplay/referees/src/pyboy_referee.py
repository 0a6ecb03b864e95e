"""Runs a ROM in PyBoy by a script: see script.rs for the format.

    python pyboy_referee.py ROM dmg|cgb < script > answers

PyBoy knows no clock from outside. It can be made to exchange a byte whenever the program arms a
transfer, 256 M-cycles later. So the bytes of the script come in their order, none before its time,
but no faster than 4000 a second; while none is due the program gets 00. So bytes that follow each
other are due together, when the last of them is, lest 00 comes between them. A host that has nothing
to say is left out: then what it does say is late by a few frames at the most. Time is told in frames
here. A frame or a byte of memory is asked for only when every byte before it was taken. Replies are not
printed: with such a link they are others.
"""

import collections
import sys

from pyboy import PyBoy

CYCLES_PER_FRAME = 17556
# So many frames for the program to take what is due.
PATIENCE = 600
KEYS = ["right", "left", "up", "down", "a", "b", "select", "start"]


class Link:
    """Both ends of the cable, as PyBoy asks for it: slot 0 is its own, slot 1 is ours."""

    def __init__(self):
        self.due = collections.deque()

    def write(self, slot, value):
        pass

    def read(self, slot):
        return self.due.popleft() if slot == 1 and self.due else 0

    def synchronize(self):
        pass


class Referee:
    def __init__(self, rom, color):
        self.link = Link()
        self.color = color
        self.pyboy = PyBoy(
            rom,
            window="null",
            sound_emulated=False,
            log_level="ERROR",
            cgb=color,
            serial_shared_memory=self.link,
            serial_interrupt_based=True,
        )
        self.pyboy.set_emulation_speed(0)
        self.held = 0
        self.together = []
        self.boot()

    def boot(self):
        """Its own boot ROM shows something first; time starts when the program does."""
        started = []
        self.pyboy.hook_register(0, 0x100, lambda _: started.append(True), None)
        for _ in range(PATIENCE):
            if started:
                break
            self.pyboy.tick(1, True, False)
        else:
            sys.exit("the program does not start")
        self.pyboy.hook_deregister(0, 0x100)
        self.frames = 0

    def tick(self):
        self.pyboy.tick(1, True, False)
        self.frames += 1

    def run_until(self, cycle):
        while self.frames < cycle // CYCLES_PER_FRAME:
            self.tick()

    def drain(self):
        for _ in range(PATIENCE):
            if not self.link.due:
                return
            self.tick()
        sys.exit("the program does not take the bytes")

    def keys(self, held):
        for bit, name in enumerate(KEYS):
            before, now = self.held >> bit & 1, held >> bit & 1
            if before != now:
                (self.pyboy.button_press if now else self.pyboy.button_release)(name)
        self.held = held

    def print_frame(self):
        self.tick()
        pixels = self.pyboy.screen.ndarray.astype(int).reshape(-1, 4)
        if self.color:
            words = (f"{it[0] >> 3 | it[1] >> 3 << 5 | it[2] >> 3 << 10:04x}" for it in pixels)
        else:
            words = (str((255 - it[0]) // 85) for it in pixels)
        print("frame", "".join(words))

    def wait(self, address, frames):
        for _ in range(frames):
            if self.pyboy.memory[address] != 0:
                break
            self.tick()
        print("wait", f"{self.pyboy.memory[address]:02x}")

    def obey(self, line):
        words = line.split()
        if words[0] == "wait":
            return self.wait(int(words[1], 16), int(words[2]))
        _, cycle, deed, *value = words
        if deed != "byte":
            self.link.due.extend(self.together)
            self.together.clear()
        self.run_until(int(cycle))
        if deed == "byte":
            self.together.append(int(value[0], 16))
        elif deed == "idle":
            pass
        elif deed == "keys":
            self.drain()
            self.keys(int(value[0], 16))
        elif deed == "frame":
            self.drain()
            self.print_frame()
        elif deed == "peek":
            self.drain()
            print("peek", f"{self.pyboy.memory[int(value[0], 16)]:02x}")
        else:
            sys.exit(f"not understood: {line}")


def main():
    referee = Referee(sys.argv[1], sys.argv[2] == "cgb")
    for line in sys.stdin:
        referee.obey(line)
    referee.pyboy.stop(save=False)


main()
