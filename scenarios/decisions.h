/* scenarios/decisions.h: a list of decisions that are not the fair ones, by name (DESIGN.md 7).
 *
 * What a decision log holds, and what a scenario may hold instead of leaving its decisions to the seed. Names are unique, values
 * are not 0: the fair value need not be said. Owns its memory; decides nothing by itself. */
#ifndef SCENARIOS_DECISIONS_H
#define SCENARIOS_DECISIONS_H

#include <jansson.h>

#include "engine/core/choice.h"
#include "scenarios/diagnose.h"

/* Decisions of a list at most: 192 MiB, more than a run of a minute needs. */
#define NIKA_DECISIONS_MAX 4194304u
#define NIKA_DECISION_TEXT_SIZE 160u

struct nika_decision {
    struct nika_choice_name name;
    uint64_t value;
};
struct nika_decisions {
    uint32_t count, capacity;
    struct nika_decision *list; /* In the order in which they were made. */
    /* Bit i: fault i takes the largest value wherever the list says nothing else: it always acts. */
    uint32_t always;
};

/* Append. NIKA_ERR_LIMIT past NIKA_DECISIONS_MAX or when memory is short; the list is then as it was. */
NIKA_MUST_USE enum nika_err nika_decisions_add(struct nika_decisions *decisions,
                                               const struct nika_choice_name *name, uint64_t value);
/* Copy `from` over what `to` holds. NIKA_ERR_LIMIT when memory is short. */
NIKA_MUST_USE enum nika_err nika_decisions_copy(struct nika_decisions *to,
                                                const struct nika_decisions *from);
/* Free the list itself and leave it empty. */
void nika_decisions_clear(struct nika_decisions *decisions);
/* The driver of a chooser that decides by a list. NULL when memory is short. */
struct nika_decider;
struct nika_decider *nika_decider_new(const struct nika_decisions *decisions);
void nika_decider_free(struct nika_decider *decider);
/* From now on the chooser decides by the list; it must not outlive the decider. Its tap is reset. */
void nika_decider_attach(struct nika_decider *decider, struct nika_chooser *chooser);
/* Decisions of the list that no run asked for since the decider was made. */
uint64_t nika_decider_unused(const struct nika_decider *decider);
/* Was the last decision made by `always` and not by the list? For those who record. */
const bool *nika_decider_by_rule(const struct nika_decider *decider);
/* A total order of names, for sorting: negative, 0 or positive. */
int nika_decisions_compare(const struct nika_choice_name *a, const struct nika_choice_name *b);

/* The list of an object {"latency 2>0 t5 v3 s17 #1": 7, "fault 1 *": "always"}. False with a diagnosis for each bad entry, with the place below `path`. */
NIKA_MUST_USE bool nika_decisions_read(const json_t *object, const struct nika_json_path *path,
                                       struct nika_diagnoses *diagnoses,
                                       struct nika_decisions *out);

#endif
