/* engine/shim/counter_history.h: a checker of what clients saw of one replicated counter that every operation moves by one and answers with.
 *
 * Numbers that were answered are distinct (else two operations were one, or one was lost), each is greater than every number that had been
 * answered before its operation began (else the counter went back), and none is greater than the operations begun (else one was done
 * twice). Together: nothing that was acknowledged was lost, repeated or reordered. Owns a bit for each number. */
#ifndef ENGINE_SHIM_COUNTER_HISTORY_H
#define ENGINE_SHIM_COUNTER_HISTORY_H

#include "engine/core/types.h"

#define NIKA_COUNTER_MAX (UINT64_C(1) << 30) /* Numbers that can be told apart. */

struct nika_counter_history {
    uint64_t begun, answered, highest;
    uint64_t violations;
    char first[160]; /* The first of them in words; "" = none. */
    uint8_t *seen;
};
/* False when memory is short. */
NIKA_MUST_USE bool nika_counter_init(struct nika_counter_history *h);
void nika_counter_fini(struct nika_counter_history *h);
/* An operation begins. Returns what its answer must exceed. */
uint64_t nika_counter_begin(struct nika_counter_history *h);
/* It was answered with `number`; `floor` is what nika_counter_begin() returned. */
void nika_counter_answer(struct nika_counter_history *h, uint32_t client, uint64_t floor,
                         uint64_t number);

#endif
