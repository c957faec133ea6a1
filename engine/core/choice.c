/* engine/core/choice.c: deciding, and the three drivers that need no search: seed, log and bytes
 * (choice.h, DESIGN.md 7).
 *
 * Names become text in choice_text.c. The log owns its table; a chooser is plain data and owns
 * nothing. */
#include "engine/core/choice.h"
#include "engine/core/planted.h"

#include "engine/core/assert.h"
#include "engine/core/mix.h"

#include <stdlib.h>

#define PPM 1000000u
#define LOG_ENTRIES_MAX (16u * 1024u * 1024u)
#define LOG_SLOTS_MIN 1024u

/* Folded multiplies over the fields as values, without the occurrence number: the same on every
 * architecture, and a few nanoseconds long. The odd constants only keep a zero field from
 * annihilating a product. */
static inline uint64_t name_hash(const struct nika_choice_name *name)
{
    uint64_t what = (uint64_t)name->kind << 48 | (uint64_t)name->type << 32 | name->a;
    uint64_t who = (uint64_t)name->b << 32;
    uint64_t h = nika_fold(what ^ UINT64_C(0xa0761d6478bd642f), who ^ UINT64_C(0xe7037ed1a0b428db));
    h ^= nika_fold(name->view ^ UINT64_C(0x8ebc6af09c88c6e3) ^ h,
                   name->seq ^ UINT64_C(0x589965cc75374cc3));
    return nika_mix(h);
}

/* The draw of a complete name under a seed. */
static inline uint64_t name_draw(uint64_t hash, uint64_t seed, uint32_t k)
{
    return nika_mix(nika_mix(hash ^ seed) + ((uint64_t)k + 1) * NIKA_GOLDEN);
}

static uint64_t drive_seed(struct nika_chooser *c, const struct nika_choice_name *name, uint64_t n)
{
    if (c->given != 0) return c->given - 1;
    uint64_t seed = NIKA_PLANTED(X10) ? c->seed ^ nika_mix((uintptr_t)c) : c->seed;
    return nika_reduce(name_draw(name_hash(name), seed, name->k), n);
}

static void chooser_init(struct nika_chooser *c, nika_choice_driver *driver, void *state,
                         uint64_t seed)
{
    memset(c, 0, sizeof *c);
    c->driver = driver;
    c->driver_state = state;
    c->seed = seed;
}

void nika_chooser_init_seed(struct nika_chooser *c, uint64_t seed)
{
    /* Neighbouring seeds must give unrelated runs. */
    chooser_init(c, drive_seed, NULL, nika_mix(seed + NIKA_GOLDEN));
    c->origin = seed;
}

/* Number the name and ask the driver. The counter does not depend on the seed: a log recorded under
 * one driver replays under another. The commonest driver is called without hashing the name a
 * second time. */
static inline uint64_t ask(struct nika_chooser *c, struct nika_choice_name *name, uint64_t n)
{
    uint64_t hash = name_hash(name);
    name->k = c->occurrence[hash & (NIKA_CHOICE_COUNTERS - 1)]++;
    c->count++;
    if (c->driver == drive_seed && c->given == 0 && !NIKA_PLANTED(X10))
        return nika_reduce(name_draw(hash, c->seed, name->k), n);
    uint64_t value = c->driver(c, name, n);
    NIKA_ASSERT(value < n);
    return value;
}

uint64_t nika_choice(struct nika_chooser *c, struct nika_choice_name *name, uint64_t n)
{
    NIKA_ASSERT(n >= 1);
    if (n == 1) return 0;
    uint64_t value = ask(c, name, n);
    if (c->tap != NULL) c->tap(c->tap_context, name, n, value);
    return value;
}

uint64_t nika_choice_given(struct nika_chooser *c, struct nika_choice_name *name, uint64_t n,
                           uint64_t given)
{
    NIKA_ASSERT(given < n);
    c->given = given + 1;
    uint64_t value = nika_choice(c, name, n);
    c->given = 0;
    return value;
}

/* The highest `ppm` values mean true. Watchers see only 0 or the top value, so that a log of what
 * was not 0 lists exactly the acts, and an act stays one when its rate is lowered while shrinking.
 */
bool nika_choice_ppm(struct nika_chooser *c, struct nika_choice_name *name, uint32_t ppm)
{
    if (ppm == 0) return false;
    uint64_t value = ask(c, name, PPM);
    bool yes = value != 0 && (ppm >= PPM || value >= PPM - ppm);
    if (c->tap != NULL) c->tap(c->tap_context, name, PPM, yes ? PPM - 1 : 0);
    return yes;
}

struct log_entry {
    struct nika_choice_name name;
    uint64_t value;
    bool filled;
    bool asked;
};

/* Open addressing, linear probing, at most half full, grown by doubling. */
struct nika_choice_log {
    struct log_entry *entries;
    uint64_t slots;
    uint64_t count;
    uint64_t asked;
};

static bool name_equal(const struct nika_choice_name *a, const struct nika_choice_name *b)
{
    return a->kind == b->kind && a->type == b->type && a->a == b->a && a->b == b->b &&
           a->k == b->k && a->view == b->view && a->seq == b->seq;
}

/* The entry of the name, or the empty slot where it belongs. */
static struct log_entry *log_find(struct log_entry *entries, uint64_t slots,
                                  const struct nika_choice_name *name)
{
    uint64_t at = name_draw(name_hash(name), 0, name->k) & (slots - 1);
    while (entries[at].filled && !name_equal(&entries[at].name, name)) at = (at + 1) & (slots - 1);
    return &entries[at];
}

static enum nika_err log_grow(struct nika_choice_log *log)
{
    uint64_t slots = log->slots * 2;
    struct log_entry *entries = calloc(slots, sizeof *entries);
    if (entries == NULL) return NIKA_ERR_LIMIT;
    for (uint64_t i = 0; i < log->slots; i++) {
        if (log->entries[i].filled)
            *log_find(entries, slots, &log->entries[i].name) = log->entries[i];
    }
    free(log->entries);
    log->entries = entries;
    log->slots = slots;
    return NIKA_OK;
}

struct nika_choice_log *nika_choice_log_new(void)
{
    struct nika_choice_log *log = calloc(1, sizeof *log);
    if (log == NULL) return NULL;
    log->slots = LOG_SLOTS_MIN;
    log->entries = calloc(log->slots, sizeof *log->entries);
    if (log->entries != NULL) return log;
    free(log);
    return NULL;
}

void nika_choice_log_free(struct nika_choice_log *log)
{
    if (log == NULL) return;
    free(log->entries);
    free(log);
}

enum nika_err nika_choice_log_add(struct nika_choice_log *log, const struct nika_choice_name *name,
                                  uint64_t value)
{
    struct log_entry *entry = log_find(log->entries, log->slots, name);
    if (!entry->filled) {
        if (log->count >= LOG_ENTRIES_MAX) return NIKA_ERR_LIMIT;
        if (log->count >= log->slots / 2) {
            if (log_grow(log) != NIKA_OK) return NIKA_ERR_LIMIT;
            entry = log_find(log->entries, log->slots, name);
        }
        log->count++;
        entry->name = *name;
        entry->filled = true;
    }
    entry->value = value;
    return NIKA_OK;
}

uint64_t nika_choice_log_unused(const struct nika_choice_log *log)
{
    return log->count - log->asked;
}

/* A value that is out of range by now keeps its meaning as far as it can: it is not the fair one.
 */
static uint64_t drive_log(struct nika_chooser *c, const struct nika_choice_name *name, uint64_t n)
{
    struct nika_choice_log *log = c->driver_state;
    struct log_entry *entry = log_find(log->entries, log->slots, name);
    if (!entry->filled) return 0;
    if (!entry->asked) log->asked++;
    entry->asked = true;
    return entry->value < n ? entry->value : n - 1;
}

void nika_chooser_init_log(struct nika_chooser *c, struct nika_choice_log *log)
{
    chooser_init(c, drive_log, log, 0);
}

/* As few bytes as the range needs, so that a fuzzer's input stays dense; a short rest counts as the
 * end. */
static uint64_t drive_bytes(struct nika_chooser *c, const struct nika_choice_name *name, uint64_t n)
{
    struct nika_choice_bytes *bytes = c->driver_state;
    uint32_t width = n <= 0x100 ? 1 : n <= 0x10000 ? 2 : n <= UINT64_C(0x100000000) ? 4 : 8;
    uint64_t value = 0;
    (void)name;
    if (bytes->at > bytes->input.size || width > bytes->input.size - bytes->at) {
        bytes->at = bytes->input.size;
        return 0;
    }
    for (uint32_t i = 0; i < width; i++)
        value |= (uint64_t)bytes->input.data[bytes->at + i] << (8 * i);
    bytes->at += width;
    return value % n;
}

void nika_chooser_init_bytes(struct nika_chooser *c, struct nika_choice_bytes *bytes)
{
    chooser_init(c, drive_bytes, bytes, 0);
}
