/* engine/core/effects.h: what a module asks of its world: actions appended during step(), applied in order after it.
 *
 * The list and its byte area are sized by the world; overflow sets `overflow`, which the world reports as a broken contract. */
#ifndef ENGINE_CORE_EFFECTS_H
#define ENGINE_CORE_EFFECTS_H

#include "engine/core/types.h"

enum nika_action_kind {
    NIKA_ACTION_SEND,      /* bytes = frame, to `to` (replica or client node id). */
    NIKA_ACTION_BROADCAST, /* bytes = frame, to all other replicas; never looped back. */
    NIKA_ACTION_TIMER, /* timer slot `id`, generation `token`, after `a` ns; a == NIKA_TIMER_CANCEL cancels. */
    NIKA_ACTION_PERSIST, /* bytes = record payload of kind `id`, seq `a`; STORED(token) once durable. */
    NIKA_ACTION_LOG_TRIM, /* Slot records with seq <= a are dead. */
    NIKA_ACTION_EXECUTE,  /* bytes = nika_app batch (app.h); APP(token) with results. */
    NIKA_ACTION_QUERY,    /* bytes = operation; APP(token) with the result. Read-only path. */
    NIKA_ACTION_SNAPSHOT_TAKE, /* After everything executed so far; seq `a`. APP(token) with struct nika_snapshot_meta. */
    NIKA_ACTION_SNAPSHOT_SAVE, /* Make snapshot `a` and `bytes` (the module's own part) durable. STORED(token). */
    NIKA_ACTION_SNAPSHOT_CHUNK, /* Ask for chunk `id` of snapshot `a`. APP(token) with the chunk and its proof. */
    NIKA_ACTION_SNAPSHOT_DROP, /* Forget snapshots with seq < a, in memory and on disk. */
    NIKA_ACTION_RESTORE_BEGIN, /* bytes = encoded nika_snapshot_meta to restore. */
    NIKA_ACTION_RESTORE_CHUNK, /* bytes = chunk `id` (already verified). */
    NIKA_ACTION_RESTORE_END, /* APP(token) with the meta that the app computed; status != 0 = refused. */
    NIKA_ACTION_COMPLETE, /* Client module: operation `token` finished with result `bytes`, at sequence `a`. */
    NIKA_ACTION_NOTE, /* What happened, for oracles and traces: `id` = enum nika_note, `a`, `b`, digest in bytes. */
    /* Let the trusted subsystem certify, independently, bytes (a digest) for value [a|b] of counter `id`, once everything that was asked to
     * be persisted before is durable; CERTIFIED(token). Only where host->trusted_later. */
    NIKA_ACTION_CERTIFY,
};

#define NIKA_TIMER_CANCEL UINT64_MAX

/* Notes: claims of the module about itself. Rejections cite a check id (checks.def). */
enum nika_note {
    NIKA_NOTE_REJECT = 1, /* a = enum nika_check, b = sender node. */
    NIKA_NOTE_EVIDENCE, /* a = message type, b = accused node; bytes = frame 1 | frame 2, each u32 length-prefixed. */
    NIKA_NOTE_ALARM, /* SAFETY ALARM: a = enum nika_check, b = seq. */
    NIKA_NOTE_VIEW,  /* a = view, b = 1 when active, 0 when leaving for it. */
    NIKA_NOTE_COMMITTED, /* a = seq, b = view; bytes = digest[32] | signer bitmap, little-endian, ceil(n/8) bytes. */
    NIKA_NOTE_EXECUTED, /* a = seq; bytes = batch digest[32]. */
    NIKA_NOTE_STABLE, /* a = seq, b = bitmap-or-0; bytes = state digest[32] | signer bitmap. h moves to a. */
    NIKA_NOTE_CHECKPOINT, /* a = seq; bytes = own state digest[32]. */
    NIKA_NOTE_TRANSFER, /* a = target seq, b = 0 started, 1 finished, 2 abandoned; bytes = state digest[32]. */
    NIKA_NOTE_QUEUE, /* a = enum nika_queue, b = current length. Sent when a length reaches a new maximum. */
    NIKA_NOTE_WAIT, /* a = enum nika_wait, b = detail: what progress waits for. Sent on change. */
};
/* Bounded queues of PROTOCOLS.md 1.13, as oracle O9 knows them. */
enum nika_queue {
    NIKA_QUEUE_SLOTS = 1,
    NIKA_QUEUE_PENDING,
    NIKA_QUEUE_VIEW_CHANGES,
    NIKA_QUEUE_CHECKPOINTS,
    NIKA_QUEUE_PARKED,
    NIKA_QUEUE_FETCHES,
    NIKA_QUEUE_EVIDENCE,
    NIKA_QUEUE_STORE_BYTES,
};
enum nika_wait {
    NIKA_WAIT_NOTHING = 0,
    NIKA_WAIT_PRE_PREPARE,
    NIKA_WAIT_BATCH,
    NIKA_WAIT_PREPARES,
    NIKA_WAIT_COMMITS,
    NIKA_WAIT_DISK,
    NIKA_WAIT_APP,
    NIKA_WAIT_VIEW_CHANGES,
    NIKA_WAIT_NEW_VIEW,
    NIKA_WAIT_STATE,
    NIKA_WAIT_TRUSTED, /* For ever: it stopped voting. */
};

/* "COMMITs", "its disk": what a replica in this state waits for. */
const char *nika_wait_text(uint32_t wait);

enum nika_send_class { NIKA_CLASS_CONTROL = 0, NIKA_CLASS_BULK = 1 };

struct nika_action {
    uint8_t kind; /* enum nika_action_kind */
    uint8_t send_class;
    uint32_t id;
    uint32_t to;
    uint32_t offset, size; /* Into effects->bytes. */
    uint64_t token;
    uint64_t a, b;
};
struct nika_effects {
    struct nika_action *actions;
    uint32_t count, capacity;
    uint8_t *bytes;
    uint32_t bytes_used, bytes_capacity;
    bool overflow;
};

/* Append an action whose bytes the caller then fills (size may be 0). NULL on overflow (sticky). The pointers stay valid
 * until the next append. */
struct nika_action *nika_effects_add(struct nika_effects *e, enum nika_action_kind kind,
                                     uint32_t size, uint8_t **bytes);
static inline struct nika_span nika_action_bytes(const struct nika_effects *e,
                                                 const struct nika_action *a)
{
    return (struct nika_span){e->bytes + a->offset, a->size};
}
void nika_effects_clear(struct nika_effects *e);
/* Shorthands. */
void nika_effects_timer(struct nika_effects *e, uint32_t timer, uint64_t generation,
                        uint64_t delay_ns);
void nika_effects_note(struct nika_effects *e, enum nika_note note, uint64_t a, uint64_t b,
                       struct nika_span bytes);
void nika_effects_certify(struct nika_effects *e, uint64_t token, uint32_t counter, uint64_t view,
                          uint64_t order, const struct nika_digest *digest);
void nika_effects_persist(struct nika_effects *e, uint64_t token, uint32_t kind, uint64_t seq,
                          struct nika_span record);
void nika_effects_send(struct nika_effects *e, uint32_t to, enum nika_send_class cls,
                       struct nika_span frame);
void nika_effects_broadcast(struct nika_effects *e, enum nika_send_class cls,
                            struct nika_span frame);

#endif
