/* protocols/common/output.h: how a replica speaks: frames, timers, tokens, notes, evidence (PROTOCOLS.md 4, 5). */
#ifndef PROTOCOLS_COMMON_OUTPUT_H
#define PROTOCOLS_COMMON_OUTPUT_H

#include "protocols/common/core.h"

/* Build, authenticate and send (or broadcast) a message struct; the frame is encoded straight into the effects. */
void common_send(struct common_core *core, uint32_t to, const struct nika_message_info *info,
                 const void *message);
void common_broadcast(struct common_core *core, const struct nika_message_info *info,
                      const void *message);
void common_send_frame(struct common_core *core, uint32_t to,
                       struct nika_span frame); /* Stored bytes, as they are. */
void common_broadcast_frame(struct common_core *core, struct nika_span frame);
/* BATCH has no authenticator: its digest binds it. `to` = NIKA_NODE_NONE broadcasts. */
void common_send_batch(struct common_core *core, uint32_t to, struct nika_span body);
/* Build a signed frame of our own into the store. Handle or 0. */
uint32_t common_store_frame(struct common_core *core, const struct nika_message_info *info,
                            const void *message);

void common_timer_start(struct common_core *core, enum common_timer timer,
                        uint64_t delay_ns); /* Restarts. */
void common_timer_stop(struct common_core *core, enum common_timer timer);
/* "view change": for people. NULL for a slot that is no timer of a replica. */
const char *common_timer_name(uint32_t timer);
/* `kind` is an enum common_token_kind or one of the protocol's. Of `number` the low 40 bits are kept. */
uint64_t common_token(uint32_t kind, uint16_t generation, uint64_t number);
/* The number in `token` that lies nearest to `near`, which the receiver knows to be within 2^39 of it. */
uint64_t common_token_number(uint64_t token, uint64_t near);

/* Count a message that check `check` refused. */
void common_reject(struct common_core *core, enum nika_check check, uint32_t sender);
/* Something that no fault within the bound explains. */
void common_alarm(struct common_core *core, enum nika_check check, uint64_t seq);
/* Keep the first pair of contradicting messages per sender and kind. */
void common_evidence(struct common_core *core, uint8_t type, uint32_t sender,
                     struct nika_span first, struct nika_span second);
/* A queue is longer than ever before. */
void common_queue_note(struct common_core *core, enum nika_queue queue, uint32_t length);
/* A slot became final; bit i of `signers`: replica i is among those who made it so. */
void common_note_committed(struct common_core *core, const struct common_slot *slot,
                           const uint64_t signers[2]);
/* The store's peak, in sixteenths of its size, so that it is reported rarely. */
void common_store_note(struct common_core *core);

/* Open a nested frame without verifying it: parse, type, sender is a replica. Decodes into `message`. */
bool common_nested_open(const struct common_core *core, struct nika_span raw,
                        const struct nika_message_info *info, struct nika_frame *frame,
                        void *message);
/* Verify a nested frame: parse, type, sender is a replica, signature. Decodes into `message`. */
bool common_verify_nested(struct common_core *core, struct nika_span raw,
                          const struct nika_message_info *info, struct nika_frame *frame,
                          void *message);

#endif
