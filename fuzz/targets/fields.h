/* fuzz/targets/fields.h: steps over a message along its table (messages.def): what decodes before a step decodes after it.
 *
 * A step changes one thing, somewhere in the message or in what is nested in it: a number by one or to an end of its range, a digest, an
 * element of a list (dropped, doubled, moved, emptied, altered, taken from another message), a field of a trusted certificate. Signatures
 * inside are not made anew; a target that needs them right makes them itself (sign.h). One thread at a time; keeps nothing. */
#ifndef FUZZ_TARGETS_FIELDS_H
#define FUZZ_TARGETS_FIELDS_H

#include "engine/core/codec.h"
#include "engine/core/frame.h"
#include "fuzz/targets/target.h"

/* Room for any decoded message; checked against the table. */
union nika_any_message {
    uint64_t words[64];
    struct nika_list lists[8];
};

/* Change one thing in a body of `info`, in place. Returns the new size; 0 when it does not decode or has no room: nothing changed. */
uint32_t nika_fields_mutate(const struct nika_message_table *table,
                            const struct nika_message_info *info, uint8_t *body, uint32_t size,
                            uint32_t capacity, struct nika_target_draw *draw);
/* A body of `info` made of `body` and of a field, or of elements of lists, of `donor`, a body of `donor_info`. The size in `out`, 0 when
 * they have nothing to exchange. */
uint32_t nika_fields_cross(const struct nika_message_table *table,
                           const struct nika_message_info *info, struct nika_span body,
                           const struct nika_message_info *donor_info, struct nika_span donor,
                           uint8_t *out, uint32_t capacity, struct nika_target_draw *draw);
/* The body of `info` in which everything is zero or empty. Its size, 0 when there is no room. */
uint32_t nika_fields_zero(const struct nika_message_info *info, uint8_t *out, uint32_t capacity);
/* Words for a dictionary: the types, the heads of frames, small numbers in each width. */
void nika_fields_dictionary(const struct nika_message_table *table, FILE *out);
/* A frame parsed with whatever epoch it has. */
bool nika_fields_frame(struct nika_span bytes, struct nika_frame *out);

#endif
