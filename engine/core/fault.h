/* engine/core/fault.h: the contract of a fault or Byzantine behaviour (faults/), driven by a world.
 *
 * A fault decides only through nika_choice, so that every act is in the decision log. A Byzantine behaviour wraps the real
 * module: it sees what the corrupted node sends and receives and may sign with the keys of corrupted nodes only. Each act is
 * reported with `acted`; a scenario fault that never acted is a finding. */
#ifndef ENGINE_CORE_FAULT_H
#define ENGINE_CORE_FAULT_H

#include "engine/core/choice.h"
#include "engine/core/frame.h"
#include "engine/core/replica.h"
#include "engine/core/trusted_instance.h"

enum nika_fault_class {
    NIKA_FAULT_NETWORK, /* Acts on links; ends at GST. */
    NIKA_FAULT_NODE,    /* Crash, restart, pause, slow CPU. */
    NIKA_FAULT_DISK,
    NIKA_FAULT_CLOCK,
    NIKA_FAULT_BYZANTINE, /* Corrupts replicas: counts against f, goes on after GST. */
    NIKA_FAULT_CLIENT,    /* Corrupts clients. */
    /* Breaks the trusted instances of its targets, which it corrupts as well: outside the fault model of any protocol with a trusted
     * subsystem (TS3). */
    NIKA_FAULT_TRUSTED,
};

#define NIKA_FAULT_PARAMS_MAX 8u
struct nika_fault_param {
    const char *name; /* JSON key; units last: "delay_ms", "rate_ppm". */
    const char *doc;
    uint64_t low, high, fallback; /* Allowed range and default. */
    const char *const *
        names; /* Enumerated values ("pre-prepare", ...) by index from 0, NULL-terminated; NULL = integer. */
};

/* One message from one node to one receiver, before the network (Byzantine) or on the link (network faults). */
struct nika_outgoing {
    uint32_t from, to;
    uint8_t type;
    uint32_t size;
    uint32_t capacity;
    uint8_t *bytes; /* The frame; may be rewritten up to capacity. Set `changed` when done. */
    const struct nika_summary *summary;
    bool changed;
    bool drop;
    uint32_t copies;        /* Extra deliveries of the same bytes. */
    uint64_t delay_ns;      /* Added to the link's latency. */
    uint64_t hold_until_ns; /* Not before this world time; 0 = none. */
    bool unordered;         /* May overtake and be overtaken (reorder). */
    /* Which of two instances under one replica's keys speaks, and which would hear it (`twin` below). */
    bool from_twin, to_twin;
};

enum nika_disk_fault {
    NIKA_DISK_OK = 0,
    NIKA_DISK_LOST_FSYNC, /* Completion is reported, but the record is not durable. */
    NIKA_DISK_FULL,       /* Completion with status != 0. */
    NIKA_DISK_SLOW,
};

enum nika_trusted_operation {
    NIKA_TRUSTED_CERTIFY,
    NIKA_TRUSTED_VERIFY,
    NIKA_TRUSTED_READ,
    NIKA_TRUSTED_REISSUE,
};
/* A call of a module to its trusted instance. */
struct nika_trusted_call {
    enum nika_trusted_operation operation;
    bool after; /* It has been done; what a fault answers now changes nothing. */
    uint8_t kind;
    uint32_t counter;
    struct nika_trusted_value value; /* CERTIFY only. */
    uint64_t delay_ns;               /* Added to its cost. */
    bool crash; /* The replica dies here: nothing that this step asked for leaves it. */
};

struct nika_fault;
/* What the world does for faults. */
struct nika_fault_host {
    void *world;
    const struct nika_config *config;
    const struct nika_message_table *messages;
    struct nika_chooser *chooser;
    uint64_t (*now_ns)(void *world);
    /* Count an act against `target` (node or NIKA_NODE_NONE). */
    void (*acted)(void *world, struct nika_fault *fault, uint32_t target);
    /* Wake this fault's on_wake at world time `at_ns` with `cookie`. */
    void (*wake)(void *world, struct nika_fault *fault, uint64_t at_ns, uint64_t cookie);
    void (*crash)(void *world,
                  uint32_t replica); /* No-op when down. What was not durable is lost or torn. */
    /* `amnesia` = its disk is lost. No-op when up. */
    void (*restart)(void *world, uint32_t replica, bool amnesia);
    void (*pause)(void *world, uint32_t node, bool paused);
    void (*cpu_slow)(void *world, uint32_t node, uint32_t factor_permille); /* 1000 = normal. */
    void (*clock_set)(void *world, uint32_t node, int64_t offset_ns, int64_t drift_ppm);
    void (*clock_jump)(void *world, uint32_t node, int64_t by_ns);
    /* Flip one bit of the durable log at a position drawn by the fault in [0, 1,000,000) of its length. False when empty. */
    bool (*disk_rot)(void *world, uint32_t replica, uint32_t position_ppm);
    /* Re-authenticate the frame for (from, to) after its type or body changed. Asserts that `from` is corrupted. The frame in `out` is
     * rebuilt: type, body -> complete frame. NIKA_ERR_LIMIT when it does not fit. */
    enum nika_err (*resign)(void *world, struct nika_outgoing *out, uint8_t type,
                            struct nika_span body);
    /* Send a frame from a corrupted node that its module never asked for. The frame is signed with the node's key. */
    void (*inject)(void *world, uint32_t from, uint32_t to, uint8_t type, enum nika_auth_alg alg,
                   struct nika_span body);
    /* Send raw bytes as they are (replay of old frames). */
    void (*inject_raw)(void *world, uint32_t from, uint32_t to, struct nika_span frame);
    bool (*is_corrupted)(void *world, uint32_t node);
    /* For behaviours with `twins`: a second instance of the module, with a state, a disk and an application of its own, begins to run
     * under the keys of a target, and shares its trusted instance (TS1). No-op when it runs. */
    void (*twin)(void *world, const struct nika_fault *fault, uint32_t replica);
    /* Has GST passed? */
    bool (*settled)(void *world);
    /* Call the trusted instance of a corrupted replica as its module would; asserts that it is corrupted (TS1). */
    enum nika_err (*trusted_certify)(void *world, uint32_t replica, enum nika_trusted_kind kind,
                                     uint32_t counter, struct nika_trusted_value value,
                                     const struct nika_digest *digest,
                                     struct nika_trusted_certificate *out);
    /* Out of model, for class TRUSTED alone (TS3): copy an instance's state, and put one in its place. */
    void (*trusted_copy)(void *world, const struct nika_fault *fault, uint32_t replica,
                         struct nika_trusted_instance *out);
    void (*trusted_put)(void *world, const struct nika_fault *fault, uint32_t replica,
                        const struct nika_trusted_instance *state);
    /* Out of model, for class TRUSTED alone: a second instance with the group's key, and the key itself over any statement. */
    enum nika_err (*trusted_clone)(void *world, const struct nika_fault *fault,
                                   struct nika_trusted_instance *clone, enum nika_trusted_kind kind,
                                   uint32_t counter, struct nika_trusted_value value,
                                   const struct nika_digest *digest,
                                   struct nika_trusted_certificate *out);
    void (*trusted_forge)(void *world, const struct nika_fault *fault,
                          struct nika_trusted_certificate *certificate,
                          const struct nika_digest *digest);
    /* Protocol position of any replica: the adversary has global knowledge. */
    void (*status)(void *world, uint32_t replica, struct nika_replica_status *out);
};

struct nika_fault_ops {
    const char *name; /* Registry key: "equivocate". */
    const char *doc;  /* One sentence: what it does. */
    enum nika_fault_class fault_class;
    const struct nika_fault_param *params;
    uint32_t param_count;
    bool twins; /* Its targets may run twice; which one a drawn target is, follows from the case. */
    uint32_t state_size;                     /* Bytes of `state`, zeroed. */
    void (*start)(struct nika_fault *fault); /* at from_ns */
    void (*stop)(struct nika_fault *fault);  /* at to_ns, or GST for those that end there */
    void (*on_wake)(struct nika_fault *fault, uint64_t cookie);
    void (*on_send)(struct nika_fault *fault,
                    struct nika_outgoing *out); /* BYZANTINE, CLIENT: messages of its targets */
    void (*on_link)(struct nika_fault *fault,
                    struct nika_outgoing *out); /* NETWORK: every message */
    bool
        blind; /* on_link neither looks at the bytes nor changes them: where all who act are blind, they are NULL. */
    /* BYZANTINE: a message delivered to a target; return false to hide it from the module. */
    bool (*on_receive)(struct nika_fault *fault, uint32_t target, const struct nika_frame *frame);
    /* DISK: a persist or save of a target. */
    enum nika_disk_fault (*on_disk)(struct nika_fault *fault, uint32_t replica, uint32_t kind,
                                    uint64_t *delay_ns);
    /* DISK: on crash, how many of `unsynced` bytes survive, torn; return false to leave the world's own choice. */
    bool (*on_tear)(struct nika_fault *fault, uint32_t replica, uint32_t unsynced, uint32_t *kept);
    /* NODE: called after each action of a target was applied; for "crash at persistence point" conditions. */
    void (*on_tap)(struct nika_fault *fault, uint32_t node, uint32_t tap_kind, uint64_t a,
                   uint64_t b);
    /* NODE, BYZANTINE, TRUSTED: a call of a target to its trusted instance, once before it is done and once after. Before: an error makes it fail
     * with that error and without effect. */
    enum nika_err (*on_trusted)(struct nika_fault *fault, uint32_t replica,
                                struct nika_trusted_call *call);
};

/* One configured fault of a scenario. The world owns it; `state` is state_size bytes in the world arena. */
struct nika_fault {
    const struct nika_fault_ops *ops;
    const struct nika_fault_host *host;
    uint32_t index; /* In the scenario. */
    bool active;
    bool ends_at_gst;
    uint64_t targets[2];  /* Bit i = replica i (class CLIENT: client i). */
    uint32_t drawn_among; /* How many the seed chose the target from; 0 = it is given. */
    uint64_t from_ns, to_ns;
    uint64_t params[NIKA_FAULT_PARAMS_MAX];
    uint64_t acted; /* How often it really acted. */
    void *state;
};
static inline bool nika_fault_targets(const struct nika_fault *fault, uint32_t index)
{
    return nika_set_has(fault->targets, index);
}
/* A decision of this fault in [0, n): named by fault index, target, and what it decides about. 0 = do nothing. */
static inline uint64_t nika_fault_choice(struct nika_fault *fault, uint32_t target, uint16_t type,
                                         uint64_t view, uint64_t seq, uint64_t n)
{
    struct nika_choice_name name = {.kind = NIKA_CHOICE_FAULT,
                                    .type = type,
                                    .a = fault->index,
                                    .b = target,
                                    .view = view,
                                    .seq = seq};
    return nika_choice(fault->host->chooser, &name, n);
}
static inline bool nika_fault_choice_ppm(struct nika_fault *fault, uint32_t target, uint16_t type,
                                         uint64_t view, uint64_t seq, uint64_t ppm)
{
    struct nika_choice_name name = {.kind = NIKA_CHOICE_FAULT,
                                    .type = type,
                                    .a = fault->index,
                                    .b = target,
                                    .view = view,
                                    .seq = seq};
    return nika_choice_ppm(fault->host->chooser, &name, (uint32_t)ppm);
}
static inline void nika_fault_acted(struct nika_fault *fault, uint32_t target)
{
    fault->host->acted(fault->host->world, fault, target);
}

#endif
