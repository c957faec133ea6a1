/* scenarios/scenario.h: a scenario as loaded: plain values by key, faults, swarm ranges (DESIGN.md 5).
 *
 * Loading checks everything that can be checked without running; what is loaded can be run. Owns its JSON document and text;
 * never touches the world. */
#ifndef SCENARIOS_SCENARIO_H
#define SCENARIOS_SCENARIO_H

#include <jansson.h>

#include "engine/core/err.h"
#include "engine/oracle/oracle.h"
#include "engine/sim/world.h"
#include "scenarios/decisions.h"
#include "scenarios/diagnose.h"
#include "scenarios/schema.h"

#define NIKA_SCENARIO_SIZE_MAX (1024u * 1024u)
#define NIKA_SCENARIO_DEPTH_MAX 32u
#define NIKA_SWARM_MAX 32u
#define NIKA_NAME_SIZE 64u
#define NIKA_WHY_SIZE 400u
#define NIKA_REGIONS_MAX 8u

enum nika_expect {
    NIKA_EXPECT_HELD,
    NIKA_EXPECT_MAY_FAIL,
    NIKA_EXPECT_MUST_FAIL,
    NIKA_EXPECT_UNSET
};

/* What may be drawn or set of a fault besides its own parameters. */
enum nika_fault_field {
    NIKA_FIELD_FROM_MS,
    NIKA_FIELD_TO_MS,
    NIKA_FIELD_PROBABILITY,
    NIKA_FIELD_PARAM
};

struct nika_scenario_fault {
    const struct nika_fault_ops *ops;
    uint64_t targets[2];
    bool draw_one;        /* "one-by-seed": the seed picks the target. */
    uint32_t drawn_among; /* In a drawn scenario: how many the seed chose from; 0 = it did not. */
    bool draw_rest;       /* "rest-by-seed": all but a correct core of n-f replicas. */
    bool may;             /* "acts": "may": not acting is no finding. */
    uint64_t from_ms, to_ms;  /* to_ms UINT64_MAX = to the end. */
    uint64_t probability_ppm; /* That the fault is part of a run at all. */
    uint64_t params[NIKA_FAULT_PARAMS_MAX];
};
struct nika_swarm {
    uint32_t key;   /* enum nika_scenario_key, or NIKA_KEY_COUNT for a fault's field. */
    uint32_t fault; /* Index of the fault. */
    enum nika_fault_field field;
    uint32_t param;
    uint64_t low, high;
};
struct nika_scenario {
    char name[NIKA_NAME_SIZE];
    char why[NIKA_WHY_SIZE];
    char path[512]; /* As given; for messages and reproduction lines. */
    uint64_t values[NIKA_KEY_COUNT];
    uint8_t regions[NIKA_REPLICAS_MAX];
    uint32_t region_count; /* Entries in `regions`; 0 = one region. */
    struct nika_scenario_fault faults[NIKA_FAULTS_MAX];
    uint32_t fault_count;
    struct nika_swarm swarm[NIKA_SWARM_MAX];
    uint32_t swarm_count;
    enum nika_expect properties[NIKA_ORACLES_MAX]; /* By oracle index; UNSET = that of its class. */
    /* What decides instead of the seed: these, and the fair value for all else. NULL = the seed does. Owned. */
    struct nika_decisions *decisions;
    json_t *document; /* With overrides applied. Owned. */
};

/* Load a file. Overrides are `path=value` texts, applied before anything is checked. NULL with at least one line in
 * *diagnoses. Errors: unreadable, too large, too deep, syntax, unknown key, wrong type, impossible cluster. */
struct nika_scenario *nika_scenario_load(const char *path, const char *const *overrides,
                                         uint32_t override_count, struct nika_diagnoses *diagnoses);
/* The same from text; `path` is for messages. */
struct nika_scenario *nika_scenario_parse(const char *path, const char *text, size_t size,
                                          const char *const *overrides, uint32_t override_count,
                                          struct nika_diagnoses *diagnoses);
void nika_scenario_free(struct nika_scenario *scenario);
/* The scenario as this seed draws it, as a document of its own: no swarm, targets by number, a fault that is not part of the run
 * with probability_ppm 0 (so that all keep their numbers), the seed written down, and no decisions. The caller owns it. NULL when
 * memory is short. */
json_t *nika_scenario_concrete(const struct nika_scenario *scenario, uint64_t seed);
/* Does this fault with these parameters make its targets faulty for good: Byzantine, or with a log that may forget votes? */
bool nika_fault_corrupts(const struct nika_scenario_fault *fault);

/* For the loader's own files. */
void nika_scenario_load_faults(struct nika_scenario *s, const json_t *array,
                               struct nika_diagnoses *d);
void nika_scenario_load_swarm(struct nika_scenario *s, const json_t *array,
                              struct nika_diagnoses *d);
/* A whole number in low..high at `path`; false with a diagnosis otherwise. */
bool nika_scenario_integer(const json_t *value, uint64_t low, uint64_t high,
                           const struct nika_json_path *path, struct nika_diagnoses *d,
                           uint64_t *out);
/* "integer 0..7, got \"x\"" ends every complaint about a type. */
const char *nika_scenario_value_text(const json_t *value, char *out, size_t size);
/* Set `text` ("path=value") in the document. False with a diagnosis. */
bool nika_scenario_override(json_t *document, const char *text, struct nika_diagnoses *d);

#endif
