/* fuzz/targets/harvest.c: seeds from the scenario library (harvest.h). */
#include <stdlib.h>

#include "fuzz/targets/harvest.h"
#include "scenarios/library.h"

#define TYPES_MAX 64u
#define PER_TYPE 4u
#define SEED_BYTES_MAX 16384u

#define SOURCES_MAX 8u

/* Scenarios in which every type of message is sent. */
static const struct {
    const char *protocol;
    const char *names[SOURCES_MAX];
} sources[] = {{"pbft",
                {"fault-free", "primary-crash", "withheld-batch", "lossy", "lying-state-server",
                 "read-only-reads", "restart-each-under-load"}},
               {"hybster",
                {"hybster-fault-free", "hybster-leader-crash", "hybster-withheld-batch",
                 "hybster-lossy", "hybster-cascaded-view-changes", "hybster-read-only-reads",
                 "hybster-restart-each-under-load", "hybster-bit-rot-one"}}};

static const char *const *sources_of(const char *protocol)
{
    for (uint32_t i = 0; i < ARRAY_COUNT(sources); i++) {
        if (strcmp(sources[i].protocol, protocol) == 0) return sources[i].names;
    }
    nika_target_fail("no scenarios of protocol %s to harvest", protocol);
}

struct nika_scenario *nika_harvest_scenario(const char *name, const char *const *overrides,
                                            uint32_t override_count)
{
    char path[NIKA_LIBRARY_PATH_SIZE], near[NIKA_LIBRARY_PATH_SIZE];
    struct nika_diagnoses d = {.file = name};
    struct nika_scenario *s = NULL;
    if (nika_library_find(name, path, near))
        s = nika_scenario_load(path, overrides, override_count, &d);
    NIKA_TARGET_CHECK(s != NULL, "scenario %s: %s", name,
                      d.count > 0 ? d.lines[0] : "it is not in the library");
    return s;
}

struct harvest {
    bool whole; /* Frames, not bodies. */
    uint32_t taken[TYPES_MAX];
    uint32_t size[TYPES_MAX][PER_TYPE]; /* Of those taken: seeds of one size teach little. */
    nika_target_seed *seed;
    void *context;
};

static void take(void *context, const struct nika_tap *tap)
{
    struct harvest *h = context;
    const struct nika_frame *frame = tap->frame;
    uint8_t bytes[SEED_BYTES_MAX];
    char name[32];
    if (frame->type >= TYPES_MAX || h->taken[frame->type] == PER_TYPE) return;
    if (frame->raw.size > sizeof bytes) return;
    uint32_t k = h->taken[frame->type];
    for (uint32_t i = 0; i < k; i++) {
        if (h->size[frame->type][i] == frame->raw.size) return;
    }
    h->size[frame->type][k] = frame->raw.size;
    h->taken[frame->type]++;
    snprintf(name, sizeof name, "type%u-%u", frame->type, k);
    if (h->whole) {
        h->seed(h->context, name, frame->raw);
        return;
    }
    bytes[0] = frame->type;
    memcpy(bytes + 1, frame->body.data, frame->body.size);
    h->seed(h->context, name, (struct nika_span){bytes, frame->body.size + 1});
}

static void gather(const char *protocol, bool whole, nika_target_seed *seed, void *context)
{
    struct harvest h = {.whole = whole, .seed = seed, .context = context};
    struct nika_watcher watcher = {
        .context = &h, .mask = NIKA_TAP_BIT(NIKA_TAP_DELIVERED), .on_tap = take};
    const char *const *names = sources_of(protocol);
    for (uint32_t i = 0; i < SOURCES_MAX && names[i] != NULL; i++) {
        const char *reason = NULL;
        struct nika_run_result result;
        struct nika_scenario *s = nika_harvest_scenario(names[i], NULL, 0);
        struct nika_runner *runner = nika_runner_new(s, &reason);
        NIKA_TARGET_CHECK(runner != NULL, "%s", reason);
        nika_runner_watch(runner, &watcher);
        nika_runner_run(runner, 1, &result);
        nika_runner_free(runner);
        nika_scenario_free(s);
    }
}

void nika_harvest_bodies(const char *protocol, nika_target_seed *seed, void *context)
{
    gather(protocol, false, seed, context);
}

void nika_harvest_frames(const char *protocol, nika_target_seed *seed, void *context)
{
    gather(protocol, true, seed, context);
}
