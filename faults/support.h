/* faults/support.h: what several faults need: decisions by link, type filters, opening and rewriting own frames.
 *
 * Owns nothing. Never decides anything except through engine/core/choice.h, and signs only through the fault host,
 * which refuses nodes that are not corrupted. Scratch space is on the stack, bounded by FAULT_SCRATCH_SIZE: a message
 * that does not fit is left as it was, and no act is counted. */
#ifndef FAULTS_SUPPORT_H
#define FAULTS_SUPPORT_H

#include "engine/core/fault.h"
#include "protocols/common/messages.h"
#include "protocols/pbft/messages.h"

#define FAULT_SCRATCH_SIZE                                                                         \
    (256u * 1024u) /* A NEW-VIEW of n = 4, L = 128 is 193 KB (PROTOCOLS.md 5). */
#define FAULT_PPM_MAX 1000000u
#define FAULT_MS 1000000u /* ns */
#define FAULT_NEVER UINT64_MAX

/* Values of a `type` parameter: index = enum nika_message_class, 0 = all. */
extern const char *const fault_type_names[];
#define FAULT_TYPE_COUNT 12u
/* Parameters that many faults share. */
#define FAULT_PARAM_RATE                                                                           \
    {                                                                                              \
        .name = "rate_ppm", .doc = "Probability of each act, in parts per million.", .low = 0,     \
        .high = FAULT_PPM_MAX, .fallback = FAULT_PPM_MAX, .names = NULL                            \
    }
#define FAULT_PARAM_TYPE                                                                           \
    {                                                                                              \
        .name = "type", .doc = "Only messages of this type.", .low = 0,                            \
        .high = FAULT_TYPE_COUNT - 1, .fallback = 0, .names = fault_type_names                     \
    }
#define FAULT_PARAM_SPLIT(text, value)                                                             \
    {                                                                                              \
        .name = "split", .doc = (text), .low = 0, .high = NIKA_CLIENTS_MAX, .fallback = (value),   \
        .names = NULL                                                                              \
    }

/* Name of the link from -> to in a decision: 16 bits each, so that links never share a decision. */
uint32_t fault_link_code(uint32_t from, uint32_t to);
/* Decide whether to act on this message, with probability `ppm`. */
bool fault_rolls(struct nika_fault *fault, const struct nika_outgoing *out, uint64_t ppm);
/* Decide whether to act on `node`, in general. */
bool fault_rolls_at(struct nika_fault *fault, uint32_t node, uint64_t ppm);
/* Draw an argument of an act on this message, in [0, n); 0 when n < 2. */
uint64_t fault_draw(struct nika_fault *fault, const struct nika_outgoing *out, uint64_t n);
/* Is the message of the class that a `type` parameter names? */
bool fault_type_matches(const struct nika_fault *fault, const struct nika_outgoing *out,
                        uint64_t type);
/* Is `to` among those that get the other version: replica or client index >= split? */
bool fault_other_side(uint32_t to, uint64_t split);
/* Does the message touch a target (or does the fault have no targets, which means every link)? */
bool fault_link_is_targeted(const struct nika_fault *fault, const struct nika_outgoing *out);

/* Parse the frame of `out` when its signer is the node that sends it: forwarded frames of others are not ours to lie
 * with. */
bool fault_open(const struct nika_fault *fault, const struct nika_outgoing *out,
                struct nika_frame *frame);
/* fault_open and decode as `info` into `value` (spans borrow from out->bytes). False for any other message. */
bool fault_decode(const struct nika_fault *fault, const struct nika_outgoing *out,
                  const struct nika_message_info *info, void *value);
/* Replace the message by `value`, signed again. False when it does not fit; `out` is then as it was. */
bool fault_rewrite(struct nika_fault *fault, struct nika_outgoing *out,
                   const struct nika_message_info *info, const void *value);
/* Send `value` from a corrupted node to `to`. */
void fault_inject(struct nika_fault *fault, uint32_t from, uint32_t to,
                  const struct nika_message_info *info, const void *value);
/* Append a frame of `value` signed by corrupted node `from` to `w`; the span of it. Empty when it does not fit. */
struct nika_span fault_sign_nested(struct nika_fault *fault, uint32_t from,
                                   const struct nika_message_info *info, const void *value,
                                   struct nika_writer *w);
/* A digest that is not `digest`, always the same for the same one: a consistent lie. */
void fault_other_digest(const struct nika_digest *digest, struct nika_digest *out);
/* Copy frames list `in` through `w` without element `drop` and with element `twice` doubled; UINT32_MAX = none. */
struct nika_list fault_frames_edit(const struct nika_list *in, uint32_t drop, uint32_t twice,
                                   struct nika_writer *w);
/* Corrupt the authenticator of the frame in place. False when it has none. */
bool fault_break_auth(const struct nika_fault *fault, struct nika_outgoing *out);

/* One decision about (node, type, view, seq) that must be the same for every receiver. */
#define FAULT_ONCE_MAX 64u
struct fault_once {
    uint32_t next;
    struct fault_once_entry {
        uint64_t view, seq;
        uint32_t node;
        uint8_t type;
        bool used, acts;
    } entries[FAULT_ONCE_MAX];
};
/* The remembered decision, or a new one with probability `ppm`. */
bool fault_rolls_once(struct nika_fault *fault, struct fault_once *once,
                      const struct nika_outgoing *out, uint64_t ppm);

#endif
