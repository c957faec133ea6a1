/* engine/core/tap.h: what a world shows to whoever watches (oracles, traces). Watchers never steer.
 *
 * Taps are facts seen by the world, not claims of a module, except NOTE, which carries the module's own note. Spans are
 * borrowed for the call. */
#ifndef ENGINE_CORE_TAP_H
#define ENGINE_CORE_TAP_H

#include "engine/core/config.h"
#include "engine/core/effects.h"
#include "engine/core/frame.h"
#include "engine/core/replica.h"
#include "engine/core/trusted.h"

enum nika_tap_kind {
    NIKA_TAP_SENT, /* node gave `frame` (with `summary`) to the network: once per SEND, once per BROADCAST (to = NONE). */
    NIKA_TAP_DELIVERED, /* `to` = receiving node accepted `frame` at ingress. */
    NIKA_TAP_DROPPED,   /* the world dropped a message: `a` = enum nika_drop. */
    NIKA_TAP_TIMER,     /* `a` = slot: a live timer fired at node. */
    NIKA_TAP_PERSIST, /* node asked to persist record kind `a`, seq `b`, with `summary`, `token`. */
    NIKA_TAP_STORED, /* token became durable (or failed: a != 0); `summary`, kind and seq as in PERSIST. */
    NIKA_TAP_EXECUTED, /* node's app executed the batch at `a` = seq; digest = batch digest; `bytes` = EXECUTE payload;
                            `results` = APP payload. */
    NIKA_TAP_RESTORED, /* node's app was replaced by snapshot `a` with root `digest`. */
    NIKA_TAP_NOTE,     /* module note `a` = enum nika_note with action fields in `note`. */
    NIKA_TAP_INVOKED, /* a client began operation: client = node, token, `bytes` = op, b = flags. */
    NIKA_TAP_COMPLETED, /* a client's operation ended: token, a = seq, `bytes` = result. */
    NIKA_TAP_CRASHED,   /* node */
    NIKA_TAP_RESTARTED, /* node; a = 1 when amnesiac (its log was lost or corrupt). */
    NIKA_TAP_FAULT,     /* fault number `a` acted; `b` = its count; node = target or NONE. */
    NIKA_TAP_GST,       /* the network settles now. */
    NIKA_TAP_TRUSTED, /* the trusted instance of `node` issued `certificate` over `digest` (TS4); a reissue is not shown. */
    NIKA_TAP_EVENT_END, /* after each event's actions were applied at node: for checks of whole states. */
    NIKA_TAP_COUNT
};
#define NIKA_TAP_BIT(kind) (1u << (kind))

enum nika_drop {
    NIKA_DROP_LOSS = 1,
    NIKA_DROP_PARTITION,
    NIKA_DROP_QUEUE,   /* A bounded queue was full. */
    NIKA_DROP_DOWN,    /* The receiver is crashed. */
    NIKA_DROP_INGRESS, /* Malformed frame. */
    NIKA_DROP_AUTH,    /* Signature or MAC wrong. */
    NIKA_DROP_FAULT,   /* A scenario fault dropped it. */
};

struct nika_tap {
    enum nika_tap_kind kind;
    uint32_t node; /* Who did it. */
    uint32_t to;
    uint64_t now_ns; /* Virtual world time. */
    uint64_t event_index;
    uint64_t a, b, token;
    const struct nika_digest *digest;
    const struct nika_frame *frame;
    const struct nika_summary *summary;
    const struct nika_action *note;
    const struct nika_trusted_certificate *certificate;
    struct nika_span bytes;
    struct nika_span results;
};

/* A watcher. `mask` has NIKA_TAP_BIT of each kind it wants. */
struct nika_watcher {
    void *context;
    uint32_t mask;
    void (*on_tap)(void *context, const struct nika_tap *tap);
};

#endif
