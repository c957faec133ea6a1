/* faults/hybster/liar.h: Hybster's certified messages, written by a liar with his own, correct trusted subsystem (PROTOCOLS.md 2.1, TS1).
 *
 * The writer decides the fields, the kind, the counter and the value; whether there is a certificate for them the trusted subsystem
 * decides alone. Frames of others go in as they were heard: a liar cannot certify in their names. Decides nothing, sends nothing. */
#ifndef FAULTS_HYBSTER_LIAR_H
#define FAULTS_HYBSTER_LIAR_H

#include "engine/core/config.h"
#include "engine/core/frame.h"
#include "engine/core/trusted.h"
#include "protocols/hybster/messages.h"

#define LIAR_BODY_MAX (64u * 1024u) /* A NEW-VIEW of n = 7 with 32 orders is about 48 KB. */
/* Who lies, and how his trusted subsystem is called (as struct nika_fault_host says). */
struct liar {
    const struct nika_config *config;
    void *world;
    uint32_t replica;
    enum nika_err (*certify)(void *world, uint32_t replica, enum nika_trusted_kind kind,
                             uint32_t counter, struct nika_trusted_value value,
                             const struct nika_digest *digest,
                             struct nika_trusted_certificate *out);
};
/* What is to be certified. MAC: counter and value are not used. */
struct liar_seal {
    enum nika_trusted_kind kind;
    uint32_t counter;
    struct nika_trusted_value value;
    bool relabel; /* Afterwards it is called independent, whatever it was. */
    bool unit;    /* Once for each pillar, `counter` being the first one's. */
};
/* The PREPAREs that a NEW-VIEW must carry by its proofs, restated. */
#define LIAR_SPAN_MAX 64u
struct liar_orders {
    uint64_t min_seq, max_seq;
    struct nika_digest digest[LIAR_SPAN_MAX]; /* Of min_seq + 1 + i; zero where nothing is shown. */
};

static inline uint32_t liar_leader(const struct nika_config *config, uint64_t view)
{
    return (uint32_t)(view % config->n);
}
/* The counter that certifies an order. */
static inline uint32_t liar_order_counter(const struct nika_config *config, uint64_t seq)
{
    return hybster_order_counter((uint32_t)(seq % config->pillars));
}
/* Append the frame of `message` to `w`, its certificate at `field` (which belongs to `message`, and is its last). The span of it; empty when
 * it does not fit or the trusted subsystem refuses. */
struct nika_span liar_frame(const struct liar *liar, const struct nika_message_info *info,
                            void *message, struct nika_span *field, struct liar_seal seal,
                            struct nika_writer *w);
/* PREPARE or COMMIT of (view, seq), certified as `seal` says. */
struct nika_span liar_order(const struct liar *liar, uint8_t type, uint64_t view, uint64_t seq,
                            const struct nika_digest *digest, struct liar_seal seal,
                            struct nika_writer *w);
/* The same for (view, seq) as a working replica would. */
struct nika_span liar_true_order(const struct liar *liar, uint8_t type, uint64_t view, uint64_t seq,
                                 const struct nika_digest *digest, struct nika_writer *w);
/* A VIEW-CHANGE under the continuing certificate of [view|0]. */
struct nika_span liar_change(const struct liar *liar, struct hybster_view_change *m,
                             struct nika_writer *w);
struct nika_span liar_ack(const struct liar *liar, struct hybster_new_view_ack *m,
                          struct nika_writer *w);
/* A NEW-VIEW from these proofs, with the orders that follow from them. */
struct nika_span liar_new_view(const struct liar *liar, uint64_t view, uint64_t base,
                               const struct nika_list *view_changes, const struct nika_list *acks,
                               struct nika_writer *w);
/* The same with other orders. */
struct nika_span liar_new_view_of(const struct liar *liar, uint64_t view, uint64_t base,
                                  const struct nika_list *view_changes,
                                  const struct nika_list *acks, const struct liar_orders *orders,
                                  struct nika_writer *w);
/* The VIEW-CHANGE in `raw` as a later one shows it: one hop for each pillar. They borrow from `raw`. */
bool liar_hops(const struct nika_config *config, struct nika_span raw,
               struct hybster_hop out[NIKA_PILLARS_MAX]);
/* False when a frame is none or too many orders follow. */
bool liar_orders_of(const struct nika_config *config, uint64_t base,
                    const struct nika_list *view_changes, const struct nika_list *acks,
                    struct liar_orders *out);
/* Open a frame and decode it as `info`. */
bool liar_open(const struct nika_config *config, struct nika_span raw,
               const struct nika_message_info *info, struct nika_frame *frame, void *out);

#endif
