/* engine/oracle/oracle.h: properties that watch a run (PROTOCOLS.md 1.16, ATTACKS.md 9). One property a file.
 *
 * Oracles judge from taps only, restate quorum arithmetic by themselves, skip corrupted nodes, and keep their state across
 * crashes of what they watch. Cost per tap is independent of history. All state lives in one region that the caller gives, so
 * that a world snapshot covers it. */
#ifndef ENGINE_ORACLE_ORACLE_H
#define ENGINE_ORACLE_ORACLE_H

#include "engine/core/app.h"
#include "engine/core/tap.h"

#define NIKA_ORACLES_MAX 16u
#define NIKA_VIOLATIONS_MAX 32u
#define NIKA_SENTENCE_SIZE 240u

enum nika_property_class { NIKA_PROPERTY_SAFETY, NIKA_PROPERTY_LIVENESS, NIKA_PROPERTY_BOUND };

struct nika_violation {
    uint8_t oracle; /* Index into nika_oracle_list. */
    uint32_t node;  /* Who broke it (or first of the two that disagree). */
    uint32_t other; /* NIKA_NODE_NONE when there is no second. */
    uint64_t seq;
    uint64_t now_ns;
    uint64_t event_index;
    char sentence[NIKA_SENTENCE_SIZE];
};

/* What oracles may know of a run besides taps. */
struct nika_oracle_setup {
    const struct nika_config *config;
    /* The sequential model is the application itself, run once in canonical order. */
    const struct nika_app_ops *app_ops;
    uint64_t app_param;
    /* Bit i = replica i is Byzantine or amnesiac in this run: never judged. */
    uint64_t corrupted[2];
    uint64_t corrupted_clients[2];
    uint32_t byzantine_count;              /* Of replicas. */
    uint64_t gst_ns;                       /* NIKA_NEVER-like UINT64_MAX: liveness is not judged. */
    uint64_t delay_bound_ns;               /* Delta after GST. */
    uint64_t fsync_bound_ns, app_bound_ns; /* Added per phase to Delta. */
    uint64_t enabled;                      /* Bit i = oracle i of nika_oracle_list. */
    /* Ask the world about a replica; used for stall reasons and invariants. */
    void *world;
    void (*status)(const void *world, uint32_t replica, struct nika_replica_status *out);
    bool (*is_up)(const void *world, uint32_t replica);
    const struct nika_app *(*app)(const void *world, uint32_t replica);
};

struct nika_oracle_ops {
    const char *id;   /* "O1" */
    const char *name; /* "agreement" */
    const char *doc;  /* One sentence: the property. */
    enum nika_property_class property_class;
    uint32_t mask; /* NIKA_TAP_BIT of the taps it wants. */
    size_t (*size)(const struct nika_oracle_setup *setup);
    size_t (*used)(const void *state);
    void (*init)(void *state, const struct nika_oracle_setup *setup); /* memory zeroed */
    void (*on_tap)(void *state, const struct nika_tap *tap);
    void (*finish)(void *state, uint64_t now_ns); /* At the end of the run; may be NULL. */
};
extern const struct nika_oracle_ops *const nika_oracle_list[];
extern const uint32_t nika_oracle_count;

/* The set of oracles of one run, in the caller's memory. */
struct nika_oracles;
size_t nika_oracles_size(const struct nika_oracle_setup *setup);
size_t nika_oracles_used(const void *oracles);
struct nika_oracles *nika_oracles_init(void *memory, const struct nika_oracle_setup *setup);
/* The watcher to hand to the world. */
struct nika_watcher nika_oracles_watcher(struct nika_oracles *o);
void nika_oracles_finish(struct nika_oracles *o, uint64_t now_ns);
/* Violations found so far, oldest first. */
uint32_t nika_oracles_violations(const struct nika_oracles *o, const struct nika_violation **out);
/* Set when a safety property broke: the run may stop. */
bool nika_oracles_broken(const struct nika_oracles *o);

/* For oracle files: report. `state` is what init got. The first violation of each (oracle, node) is kept. */
void nika_oracle_report(void *state, const struct nika_tap *tap, uint32_t node, uint32_t other,
                        uint64_t seq, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* The liveness bound B of ATTACKS.md 9.2, ns after GST (or after the request, whichever is later). Pure. */
uint64_t nika_liveness_bound(const struct nika_oracle_setup *setup);
/* k* of it: the doublings after which the view-change time-out is as long as a view change needs, at most the cap. */
uint32_t nika_liveness_doublings(const struct nika_oracle_setup *setup);
/* Is the time-out at its cap long enough for a view change? If not, no bound holds for any protocol. */
bool nika_liveness_cap_suffices(const struct nika_oracle_setup *setup);
/* ns in which every timer of a cluster with these doublings has fired at least once, and what it set off has arrived. */
uint64_t nika_liveness_period(const struct nika_oracle_setup *setup, uint32_t backoff);

#endif
