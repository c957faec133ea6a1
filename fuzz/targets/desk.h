/* fuzz/targets/desk.h: one module on the table: a replica or a client with nothing around it but keys, a disk and an application that
 * answer at once, and a clock that moves when told. Made once, put back to its beginning for each input by copying.
 *
 * The desk watches what no input may bring about: a broken contract, more effects than there is room for, and a replica that says two
 * different things in one place (O6) or votes in a view that it has left (INV-VCM), also across restarts; and one that votes although it may
 * not: without its disk (AMN), without a trusted subsystem that answers (TSG) or behind whose back that was set back (TSR). */
#ifndef FUZZ_TARGETS_DESK_H
#define FUZZ_TARGETS_DESK_H

#include "engine/core/app.h"
#include "engine/core/replica.h"
#include "fuzz/targets/target.h"

#define DESK_SCRATCH (4u * 1024u * 1024u)

struct desk;
/* Node `self` of a group of n = 4, f = 1 (hybrid protocols: n = 3) under suite sim; K = 4, L = 8. Exactly one of the two ops. Fails
 * rather than return NULL. */
struct desk *desk_new(const struct nika_replica_ops *replica, const struct nika_client_ops *client,
                      const struct nika_message_table *messages, uint32_t protocol, uint32_t self);
void desk_free(struct desk *d);
/* From now on desk_reset() leads to the present state. */
void desk_mark(struct desk *d);
void desk_reset(struct desk *d);

const struct nika_config *desk_config(const struct desk *d);
uint32_t desk_self(const struct desk *d);
const struct nika_message_table *desk_messages(const struct desk *d);
void desk_status(struct desk *d, struct nika_replica_status *out);
/* Completions wait until desk_settle() while held. */
void desk_hold(struct desk *d, bool hold);
void desk_settle(struct desk *d);
void desk_pass(struct desk *d, uint64_t ns);
/* A replica dies, and begins again from its disk: of the records and snapshots that were not durable a prefix is left, `survive` modulo what
 * there is. Its trusted counters stay where they are (TS2). */
void desk_restart(struct desk *d, uint32_t survive);
/* It dies, and its disk is empty when it begins again. */
void desk_restart_without_disk(struct desk *d);
/* It dies, and meanwhile its trusted counters are set back: to the mark, or to where they never moved. As desk_restart() when there is no
 * trusted subsystem, or when its disk was lost before: then nobody could know. */
void desk_restart_set_back(struct desk *d, uint32_t survive, bool to_zero);
/* After so many certificates more its trusted subsystem answers nothing, or refuses to certify; `moves` = the counter moves once more, and the
 * certificate is lost. Nothing without one. */
void desk_trusted_fail(struct desk *d, bool refuses, uint32_t after, bool moves);
/* Fire an armed timer; the module's `timer`, or nothing. */
void desk_fire(struct desk *d, uint32_t timer);
void desk_invoke(struct desk *d, uint64_t token, struct nika_span op, uint32_t flags);

/* A body of `info` signed by `sender` (MAC for the module where the type asks for it), as bytes that live until desk_forget(). */
struct nika_span desk_frame(struct desk *d, uint32_t sender, const struct nika_message_info *info,
                            const void *message);
struct nika_span desk_raw_frame(struct desk *d, uint32_t sender, uint8_t type, uint8_t alg,
                                struct nika_span body);
/* Has its module a trusted subsystem? */
bool desk_is_hybrid(const struct desk *d);
/* Who hears what the module sends: `to` is a node, NIKA_NODE_NONE for everybody. NULL = nobody. */
typedef void desk_listener(void *context, uint32_t to, struct nika_span frame);
void desk_listen(struct desk *d, desk_listener *listener, void *context);
/* What the module said in a place: the digest of its newest message of the class for view and sequence number (of a checkpoint the view is 0).
 * False when it said nothing there since the desk was made. */
bool desk_said(const struct desk *d, uint8_t message_class, uint64_t view, uint64_t seq,
               struct nika_digest *out);
/* A frame that the module said in its own name where what it says binds it (votes, checkpoints, view changes), also before it died: `back` from the
 * newest that is kept, modulo how many are. In memory that lives until the next reset; nothing when it said nothing. */
struct nika_span desk_echo(const struct desk *d, uint32_t back);
/* The root of the application's state, by a snapshot of it: the end of a run, the next thing is desk_reset(). */
void desk_app_root(struct desk *d, struct nika_digest *out);
/* Make the trusted certificate at the end of a body right: the tag over what its own fields and the rest of the body say, whether or not
 * an instance would have issued it. False when there is none. */
bool desk_certify_body(struct desk *d, uint8_t type, uint8_t *body, uint32_t size);
/* What is certified of a message of this type with this content. */
void desk_statement_of(struct desk *d, uint8_t type, struct nika_span content,
                       struct nika_digest *out);
/* The tag of a certificate over a digest. */
void desk_certify_digest(struct desk *d, struct nika_trusted_certificate *certificate,
                         const struct nika_digest *digest);
/* Through ingress and authentication, as a world would. False when refused there. */
bool desk_deliver(struct desk *d, struct nika_span frame);
/* Memory that lives until desk_forget(); fails when there is no more. */
void *desk_alloc(struct desk *d, uint32_t size);
void desk_forget(struct desk *d);
/* Of a client: the timestamp of the newest request that it sent; 0 = none. */
uint64_t desk_timestamp(const struct desk *d);
/* Of a client: operations that it completed, and the newest result (until the next reset). */
uint32_t desk_completed(const struct desk *d, struct nika_span *result);
/* Everything that the module did since the reset. */
uint64_t desk_digest(const struct desk *d);

#endif
