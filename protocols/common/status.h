/* protocols/common/status.h: the rhythm of STATUS, the negative acknowledgement, and the parts of its answer that do not depend on the
 * protocol (PROTOCOLS.md 1.9, S1, S2, S8, S9). */
#ifndef PROTOCOLS_COMMON_STATUS_H
#define PROTOCOLS_COMMON_STATUS_H

#include "protocols/common/core.h"

#define COMMON_MISSING_MAX 64u /* Digests in one STATUS. */

/* T_status fired: retry what a full store or disk left undone, say what is lacking, arm again. */
void common_status_timer(struct common_core *core);
/* Negative-ack trigger: rate-limited by T_retx. */
void common_status_soon(struct common_core *core);
/* After each step: an idle period ends when there is something to do. */
void common_status_hurry(struct common_core *core);
/* What progress waits for (enum nika_wait), and about which number. */
uint32_t common_wait(const struct common_core *core, uint64_t *detail);

/* Bitmaps of a STATUS. Of numbers: bit i is last_executed + 1 + i; of replicas: bit i is replica i. */
struct common_status_bits {
    uint8_t prepared[NIKA_WINDOW_MAX / 8], committed[NIKA_WINDOW_MAX / 8];
    uint8_t view_changes[NIKA_REPLICAS_MAX / 8];
};
/* Fill in the numbers that are committed here, and those that `has` says need not be sent again. Returns the bytes used of both. */
uint32_t common_status_numbers(const struct common_core *core,
                               bool (*has)(const struct common_core *, const struct common_slot *),
                               struct common_status_bits *bits);
/* The batches that slots wait for, as the DIGESTS field of STATUS; `bytes` backs it. */
struct nika_list common_status_missing(const struct common_core *core,
                                       uint8_t bytes[COMMON_MISSING_MAX * NIKA_DIGEST_SIZE]);
/* S9 and SA1: may the STATUS of this sender be answered now? Counts the rejection. */
bool common_status_admit(struct common_core *core, uint32_t sender);
/* S1: the proof that h is stable, as one message. */
void common_send_stable_proof(struct common_core *core, uint32_t peer);
/* S1, S2: what a peer whose h is `low_mark` lacks of checkpoints. */
void common_answer_checkpoints(struct common_core *core, uint32_t peer, uint64_t low_mark);
/* S8: batches that the peer lists as missing. */
void common_answer_batches(struct common_core *core, uint32_t peer,
                           const struct nika_list *missing);
/* A peer with this h is so far behind that only state transfer helps: it is sent the proof for it. */
bool common_status_hopeless(struct common_core *core, uint32_t peer, uint64_t low_mark);
/* A peer that is ahead will be told so by the own STATUS. */
void common_status_return(struct common_core *core, uint64_t view, uint64_t last_executed,
                          uint64_t low_mark);
/* Does a bitmap of replicas name this one? */
bool common_status_names(struct nika_span bitmap, uint32_t replica);
/* Does a bitmap whose bit 0 is base + 1 say that the peer has `seq`? */
bool common_status_has(struct nika_span bitmap, uint64_t base, uint64_t seq);

#endif
