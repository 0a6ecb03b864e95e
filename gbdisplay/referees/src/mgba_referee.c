/* Runs a ROM in mGBA by a script: see script.rs for the format.
 *
 *     mgba ROM dmg|cgb < script > answers
 *
 * The link is clocked a byte at a time: what the script starts at M-cycle N is there as a whole when
 * its eighth bit would be. mGBA's own code knows no clock from outside, so the registers and the
 * request are set here, and only when a transfer waits for that.
 */

#include <mgba/flags.h>

#include <mgba/core/blip_buf.h>
#include <mgba/core/core.h>
#include <mgba/core/log.h>
#include <mgba/core/timing.h>
#include <mgba/gb/core.h>
#include <mgba/internal/gb/gb.h>
#include <mgba/internal/gb/io.h>
#include <mgba-util/vfs.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH 160
#define HEIGHT 144
#define STRIDE 256
#define CYCLES_PER_FRAME 17556
/* mGBA counts 8388608 a second. */
#define TICKS_PER_CYCLE 8
/* Eight bits, eight M-cycles each: 131072 Hz; the first is due in the next M-cycle. */
#define CYCLES_PER_BYTE 57

static color_t drawn[STRIDE * HEIGHT];
static color_t shown[STRIDE * HEIGHT];

static void silent(struct mLogger* logger, int category, enum mLogLevel level, const char* format, va_list args) {
    (void) logger, (void) category, (void) level, (void) format, (void) args;
}

static void frame_ended(void* context) {
    (void) context;
    memcpy(shown, drawn, sizeof(shown));
}

static void fail(const char* why) {
    fprintf(stderr, "%s\n", why);
    exit(1);
}

/* A frame's picture: a digit per pixel for shades, four for colours as RGB555, red lowest. */
static void print_frame(int color) {
    printf("frame ");
    for (int y = 0; y < HEIGHT; ++y) {
        for (int x = 0; x < WIDTH; ++x) {
            unsigned pixel = shown[y * STRIDE + x];
            unsigned red = pixel >> 3 & 31, green = pixel >> 11 & 31, blue = pixel >> 19 & 31;
            if (color) {
                printf("%04x", red | green << 5 | blue << 10);
            } else {
                printf("%u", 3 - red / 10);
            }
        }
    }
    printf("\n");
}

/* A byte from the host, whole. Prints what went back, 00 when nobody waited. */
static void deliver(struct GB* gb, unsigned byte) {
    uint8_t* io = gb->memory.io;
    unsigned back = 0;
    if ((io[GB_REG_SC] & 0x81) == 0x80) {
        back = io[GB_REG_SB];
        io[GB_REG_SB] = byte;
        io[GB_REG_SC] &= 0x7F;
        io[GB_REG_IF] |= 1 << GB_IRQ_SIO;
        GBUpdateIRQs(gb);
    }
    printf("reply %02x\n", back);
}

/* Our order is right, left, up, down, A, B, SELECT, START; mGBA's is A, B, SELECT, START, right, ... */
static unsigned keys(unsigned ours) {
    return (ours >> 4 & 15) | (ours & 15) << 4;
}

enum kind { BYTE, KEYS, PEEK, FRAME, WAIT };

struct line {
    enum kind kind;
    unsigned long long cycle;
    unsigned value;
    unsigned limit;
};

/* A script under way. Everything happens in events of mGBA's own, and each event makes the next one:
 * a CPU in HALT leaps from event to event, and would leap over anything else. */
struct script {
    struct mCore* core;
    int color;
    struct line* lines;
    size_t count;
    size_t next;
    struct mTimingEvent event;
};

static struct line parse(const char* text) {
    struct line line = { .kind = WAIT };
    if (sscanf(text, "at %llu byte %x", &line.cycle, &line.value) == 2) {
        line.kind = BYTE;
        line.cycle += CYCLES_PER_BYTE;
    } else if (sscanf(text, "at %llu", &line.cycle) == 1 && strstr(text, " idle")) {
        line.kind = BYTE;
        line.value = 0;
        line.cycle += CYCLES_PER_BYTE;
    } else if (sscanf(text, "at %llu keys %x", &line.cycle, &line.value) == 2) {
        line.kind = KEYS;
    } else if (sscanf(text, "at %llu peek %x", &line.cycle, &line.value) == 2) {
        line.kind = PEEK;
    } else if (sscanf(text, "at %llu", &line.cycle) == 1 && strstr(text, " frame")) {
        line.kind = FRAME;
    } else if (sscanf(text, "wait %x %u", &line.value, &line.limit) != 2) {
        fail("a line of the script is not understood");
    }
    return line;
}

static void read_script(struct script* script) {
    char text[256];
    size_t room = 0;
    while (fgets(text, sizeof(text), stdin)) {
        if (script->count == room) {
            room = room ? 2 * room : 1024;
            script->lines = realloc(script->lines, room * sizeof(struct line));
            if (!script->lines) {
                fail("out of memory");
            }
        }
        script->lines[script->count++] = parse(text);
    }
}

static void obey(struct script* script, const struct line* line) {
    struct mCore* core = script->core;
    switch (line->kind) {
    case BYTE:
        deliver(core->board, line->value);
        break;
    case KEYS:
        core->setKeys(core, keys(line->value));
        break;
    case PEEK:
        printf("peek %02x\n", core->rawRead8(core, line->value, -1));
        break;
    case FRAME:
        print_frame(script->color);
        break;
    case WAIT:
        break;
    }
}

/* Makes the event for the next line, unless that waits. */
static void schedule(struct script* script) {
    if (script->next == script->count || script->lines[script->next].kind == WAIT) {
        return;
    }
    int64_t then = script->lines[script->next].cycle * TICKS_PER_CYCLE;
    int64_t when = then - (int64_t) mTimingGlobalTime(script->core->timing);
    if (when > INT32_MAX) {
        fail("a script may not pause for four minutes");
    }
    mTimingSchedule(script->core->timing, &script->event, when > 0 ? when : 0);
}

static void happen(struct mTiming* timing, void* context, uint32_t late) {
    (void) timing, (void) late;
    struct script* script = context;
    obey(script, &script->lines[script->next++]);
    schedule(script);
}

static void wait_for(struct mCore* core, const struct line* line) {
    unsigned long long end = mTimingGlobalTime(core->timing);
    end += (unsigned long long) line->limit * CYCLES_PER_FRAME * TICKS_PER_CYCLE;
    while (core->rawRead8(core, line->value, -1) == 0 && mTimingGlobalTime(core->timing) < end) {
        core->step(core);
    }
    printf("wait %02x\n", core->rawRead8(core, line->value, -1));
}

static void run(struct script* script) {
    schedule(script);
    while (script->next < script->count) {
        const struct line* line = &script->lines[script->next];
        if (line->kind == WAIT) {
            wait_for(script->core, line);
            ++script->next;
            schedule(script);
        } else {
            script->core->step(script->core);
        }
    }
}

int main(int count, char** arguments) {
    if (count != 3) {
        fail("usage: mgba ROM dmg|cgb < script");
    }
    int color = strcmp(arguments[2], "cgb") == 0;
    struct mLogger logger = { .log = silent };
    mLogSetDefaultLogger(&logger);
    struct mCore* core = GBCoreCreate();
    if (!core || !core->init(core)) {
        fail("mGBA does not start");
    }
    mCoreInitConfig(core, NULL);
    mCoreConfigSetOverrideValue(&core->config, "gb.model", color ? "CGB" : "DMG");
    mCoreConfigSetOverrideValue(&core->config, "cgb.model", color ? "CGB" : "DMG");
    mCoreConfigSetOverrideValue(&core->config, "cgb.hybridModel", color ? "CGB" : "DMG");
    mCoreConfigSetOverrideIntValue(&core->config, "useBios", 0);
    core->loadConfig(core, &core->config);
    core->setVideoBuffer(core, drawn, STRIDE);
    struct VFile* rom = VFileOpen(arguments[1], O_RDONLY);
    if (!rom || !core->loadROM(core, rom)) {
        fail("mGBA does not take the ROM");
    }
    core->reset(core);
    struct mCoreCallbacks callbacks = { .videoFrameEnded = frame_ended };
    core->addCoreCallbacks(core, &callbacks);
    struct script script = { .core = core, .color = color };
    script.event = (struct mTimingEvent) { .context = &script, .callback = happen, .name = "script" };
    read_script(&script);
    run(&script);
    free(script.lines);
    mCoreConfigDeinit(&core->config);
    core->deinit(core);
    return 0;
}
