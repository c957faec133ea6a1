/* engine/core/choice.h: the one interface for every nondeterministic decision of the world or the adversary (DESIGN.md 7).
 *
 * A decision has a semantic name and a range; by convention value 0 is the fair one (base latency, no fault, first
 * come first served), so a log of the values that are not 0 is a short fault script and every prefix of it is a
 * complete run. The name is a small struct of integers, turned into text only when written. */
#ifndef ENGINE_CORE_CHOICE_H
#define ENGINE_CORE_CHOICE_H

#include "engine/core/err.h"
#include "engine/core/types.h"

enum nika_choice_kind {
    NIKA_CHOICE_LATENCY = 1, /* Quantile of a link's latency distribution, in 1/1024. */
    NIKA_CHOICE_LOSS,        /* 0 = delivered. */
    NIKA_CHOICE_DUPLICATE,   /* 0 = once. */
    NIKA_CHOICE_REORDER,     /* 0 = FIFO. */
    NIKA_CHOICE_CORRUPT,     /* 0 = intact; else which bit. */
    NIKA_CHOICE_TIE,         /* Order among events of one instant. */
    NIKA_CHOICE_DISK,        /* Latency and damage of a disk operation. */
    NIKA_CHOICE_APP,         /* Delay of an application completion. */
    NIKA_CHOICE_FAULT,       /* A fault's own decision; `a` = fault index, `b` = target. */
    NIKA_CHOICE_SETUP,       /* Swarm draws when a scenario is built. */
    NIKA_CHOICE_WORKLOAD,    /* Client operations and think times. */
    NIKA_CHOICE_JITTER,      /* Timer jitter of a module. */
};

struct nika_choice_name {
    uint16_t kind; /* enum nika_choice_kind */
    uint16_t type; /* Message type, or 0. */
    uint32_t a;    /* First party: sender, fault index, replica ... */
    uint32_t b;    /* Second party: receiver, target ... */
    uint32_t k;    /* Occurrence number of an otherwise equal name. Filled in by nika_choice(). */
    uint64_t view;
    uint64_t seq;
};

#define NIKA_CHOICE_COUNTERS                                                                       \
    16384u /* Occurrence counters, indexed by name hash; a collision only shares a counter. */

struct nika_chooser;
/* A driver returns the value for a name, in [0, n). */
typedef uint64_t nika_choice_driver(struct nika_chooser *chooser,
                                    const struct nika_choice_name *name, uint64_t n);
/* Sees every decision (for a log). `value` is what was decided. */
typedef void nika_choice_tap(void *context, const struct nika_choice_name *name, uint64_t n,
                             uint64_t value);

/* Plain data: lives in the world arena and is copied by snapshots. `driver_state` points outside it. */
struct nika_chooser {
    nika_choice_driver *driver;
    void *driver_state;
    nika_choice_tap *tap; /* NULL = none. */
    void *tap_context;
    uint64_t seed;
    uint64_t origin; /* The seed as it was given; 0 without one. */
    uint64_t given;  /* What nika_choice_given() asks a seed to choose, plus 1. */
    uint64_t count;  /* Decisions so far. */
    uint32_t occurrence[NIKA_CHOICE_COUNTERS];
};

void nika_chooser_init_seed(struct nika_chooser *c, uint64_t seed);
/* Decide. n >= 1; n == 1 returns 0 without asking the driver. Fills in name->k. */
uint64_t nika_choice(struct nika_chooser *c, struct nika_choice_name *name, uint64_t n);
/* True with probability ppm / 1,000,000; decided through nika_choice (value 0 = false). */
bool nika_choice_ppm(struct nika_chooser *c, struct nika_choice_name *name, uint32_t ppm);

/* Decide, where a plan says what a seed chooses: `given`, in [0, n). Every other driver chooses as for any decision. */
uint64_t nika_choice_given(struct nika_chooser *c, struct nika_choice_name *name, uint64_t n,
                           uint64_t given);

/* Text of a name, e.g. "latency 2>0 t5 v3 s17 #1". Returns characters written, excluding NUL. */
size_t nika_choice_name_text(const struct nika_choice_name *name, char *out, size_t capacity);
/* Inverse of the above. NIKA_ERR_MALFORMED when the text is not a name. */
NIKA_MUST_USE enum nika_err nika_choice_name_parse(const char *text, struct nika_choice_name *out);

/* Log driver: replays recorded (name, value) pairs; a name that is not listed gets the fair value 0. */
struct nika_choice_log;
struct nika_choice_log *nika_choice_log_new(void);
void nika_choice_log_free(struct nika_choice_log *log);
/* NIKA_ERR_LIMIT past 16 M entries. A second entry for one name replaces the first. */
NIKA_MUST_USE enum nika_err nika_choice_log_add(struct nika_choice_log *log,
                                                const struct nika_choice_name *name,
                                                uint64_t value);
/* Entries that a run never asked for: names that no longer mean anything. */
uint64_t nika_choice_log_unused(const struct nika_choice_log *log);
void nika_chooser_init_log(struct nika_chooser *c, struct nika_choice_log *log);

/* Bytes driver: each decision consumes bytes of `input` (borrowed); after the end every value is 0. */
struct nika_choice_bytes {
    struct nika_span input;
    uint32_t at;
};
void nika_chooser_init_bytes(struct nika_chooser *c, struct nika_choice_bytes *bytes);

#endif
