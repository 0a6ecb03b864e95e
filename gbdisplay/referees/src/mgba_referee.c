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
static unsigned long frames;

static void silent(struct mLogger* logger, int category, enum mLogLevel level, const char* format, va_list args) {
    (void) logger, (void) category, (void) level, (void) format, (void) args;
}

static void frame_ended(void* context) {
    (void) context;
    memcpy(shown, drawn, sizeof(shown));
    ++frames;
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

static void run_until(struct mCore* core, unsigned long long cycle) {
    while (mTimingGlobalTime(core->timing) < cycle * TICKS_PER_CYCLE) {
        core->step(core);
    }
}

/* Our order is right, left, up, down, A, B, SELECT, START; mGBA's is A, B, SELECT, START, right, ... */
static unsigned keys(unsigned ours) {
    return (ours >> 4 & 15) | (ours & 15) << 4;
}

static void obey(struct mCore* core, int color, const char* line) {
    unsigned long long cycle;
    unsigned value, limit;
    if (sscanf(line, "at %llu byte %x", &cycle, &value) == 2) {
        run_until(core, cycle + CYCLES_PER_BYTE);
        deliver(core->board, value);
    } else if (sscanf(line, "at %llu keys %x", &cycle, &value) == 2) {
        run_until(core, cycle);
        core->setKeys(core, keys(value));
    } else if (sscanf(line, "at %llu peek %x", &cycle, &value) == 2) {
        run_until(core, cycle);
        printf("peek %02x\n", core->busRead8(core, value));
    } else if (sscanf(line, "wait %x %u", &value, &limit) == 2) {
        unsigned long long end = mTimingGlobalTime(core->timing) / TICKS_PER_CYCLE;
        for (unsigned waited = 0; waited < limit && core->rawRead8(core, value, -1) == 0; ++waited) {
            end += CYCLES_PER_FRAME;
            run_until(core, end);
        }
        printf("wait %02x\n", core->rawRead8(core, value, -1));
    } else if (sscanf(line, "at %llu frame", &cycle) == 1 && strstr(line, "frame")) {
        run_until(core, cycle);
        print_frame(color);
    } else {
        fail("a line of the script is not understood");
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
    char line[256];
    while (fgets(line, sizeof(line), stdin)) {
        obey(core, color, line);
    }
    mCoreConfigDeinit(&core->config);
    core->deinit(core);
    return 0;
}
