/* faults/fields.h: small, structure-aware changes of one field of a message, along the message tables (DESIGN.md 3).
 *
 * Whoever mutates says only how numbers step and where its draws come from: a decision for each, or one drawn beforehand. */
#ifndef FAULTS_FIELDS_H
#define FAULTS_FIELDS_H

#include "faults/support.h"

/* Big enough for every message struct; checked against the table before use. */
union fault_value {
    struct pbft_view_change view_change;
    struct pbft_new_view new_view;
    struct pbft_status status;
    struct common_reply reply;
    struct common_chunk chunk;
    struct common_meta meta;
    uint64_t words[64];
};
struct fault_steps {
    void *context;
    uint64_t (*below)(void *context, uint64_t n);    /* In [0, n), n >= 1. */
    uint64_t (*number)(void *context, uint64_t old); /* What a number becomes. */
};

/* The message of `out` when the node that sends it signed it, decoded; NULL for any other. Spans borrow from out->bytes. */
const struct nika_message_info *fault_decode_any(const struct nika_fault *fault,
                                                 const struct nika_outgoing *out,
                                                 union fault_value *value);
/* Change one field and sign again. False when nothing could change or it does not fit; `out` is then as it was. */
bool fault_mutate(struct nika_fault *fault, struct nika_outgoing *out,
                  const struct nika_message_info *info, union fault_value *value,
                  const struct fault_steps *steps);

#endif
