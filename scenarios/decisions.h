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
};

/* Append. NIKA_ERR_LIMIT past NIKA_DECISIONS_MAX or when memory is short; the list is then as it was. */
NIKA_MUST_USE enum nika_err nika_decisions_add(struct nika_decisions *decisions,
                                               const struct nika_choice_name *name, uint64_t value);
/* Copy `from` over what `to` holds. NIKA_ERR_LIMIT when memory is short. */
NIKA_MUST_USE enum nika_err nika_decisions_copy(struct nika_decisions *to,
                                                const struct nika_decisions *from);
/* Free the list itself and leave it empty. */
void nika_decisions_clear(struct nika_decisions *decisions);
/* A driver's log of the list. The caller frees it. NULL when memory is short. */
struct nika_choice_log *nika_decisions_log(const struct nika_decisions *decisions);
/* A total order of names, for sorting: negative, 0 or positive. */
int nika_decisions_compare(const struct nika_choice_name *a, const struct nika_choice_name *b);

/* The list of an object {"latency 2>0 t5 v3 s17 #1": 7}. False with a diagnosis for each bad entry, with the place below `path`. */
NIKA_MUST_USE bool nika_decisions_read(const json_t *object, const struct nika_json_path *path,
                                       struct nika_diagnoses *diagnoses,
                                       struct nika_decisions *out);

#endif
