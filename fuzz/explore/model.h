/* fuzz/explore/model.h: what the files of an exploration share: messages, lists of them, local states and the places in which modules
 * run. Private to fuzz/explore.
 *
 * Everything is found once and numbered: a message by its bytes, a list by its members, a local state by the canonical digest of its
 * module and what it has sent. A state of the whole is then a few numbers, and what a step leads to is looked up after the first time. */
#ifndef FUZZ_EXPLORE_MODEL_H
#define FUZZ_EXPLORE_MODEL_H

#include "engine/core/assert.h"
#include "engine/core/trusted_instance.h"
#include "fuzz/explore/explore.h"
#include "fuzz/explore/table.h"
#include "protocols/common/core.h"

#define EXPLORE_MESSAGES_MAX 0xff00u /* An event is a message's number or a timer's. */
#define EXPLORE_TIMER(slot) ((uint16_t)(EXPLORE_MESSAGES_MAX + (slot)))
/* The next step ends with a crash after `after` events of its module; what is on its way to the disk arrives, or not. */
#define EXPLORE_CRASH_POINTS 16u
#define EXPLORE_CRASH(after, keeps)                                                                \
    ((uint16_t)(EXPLORE_MESSAGES_MAX + 16u + 2u * (after) + ((keeps) ? 1u : 0u)))
#define EXPLORE_LIST_MAX 256u /* Messages that exist in one state. */
/* Numbers that leaders can give: each orders each request at most once a view. */
#define EXPLORE_ORDERS (NIKA_EXPLORE_ORDERS_MAX * NIKA_EXPLORE_VIEWS_MAX)
/* A crash may make a replica skip one view more (hybster/recover.c). */
#define EXPLORE_VIEWS                                                                              \
    (NIKA_EXPLORE_VIEWS_MAX + NIKA_EXPLORE_CRASHES_MAX * NIKA_EXPLORE_REPLICAS_MAX)
#define EXPLORE_BATCHES_MAX 64u /* One or two an order and view; a set of them is one number. */
#define EXPLORE_PENDING_MAX 64u /* Completions that wait within one step. */
#define EXPLORE_BLOCK 256u      /* Bytes of a module's memory that are kept as one. */
#define EXPLORE_ANSWER_BYTES (256u * 1024u) /* The application's, within one step. */

/* A message: its frame, and what those who build upon it must know. */
struct explore_message {
    uint8_t type;
    uint8_t message_class; /* enum nika_message_class, of the protocol's table. */
    uint32_t sender;
    uint64_t view, seq;
    uint32_t value;  /* Number of the batch that it orders, EXPLORE_NONE = none. */
    bool hidden;     /* Certified, but no correct replica would believe it: never taken. */
    uint32_t orders; /* List of the PREPAREs within it: they are known to whoever sees it. */
};

/* One replica, or the corrupted one: as far as others can tell. */
struct explore_local {
    uint32_t replica;
    uint32_t image;                        /* Memory, see step.c. */
    uint32_t sent;                         /* List. */
    uint32_t decided[EXPLORE_ORDERS + 1u]; /* Batch + 1 that was final here at an order. */
    uint64_t view;
    bool active, alarmed;
    bool contradicts; /* It held two batches for final at one order, one before a crash. */
    uint8_t timers;   /* Bit = slot that may fire. */
    uint8_t crashes;  /* So often it crashed. */
    uint8_t
        doomed;    /* EXPLORE_CRASH() - EXPLORE_CRASH(0, false) + 1 of the coming step; 0 = none. */
    uint32_t disk; /* Number of the list of durable records; 0 unless crashes are explored. */
};

/* Where one replica's module runs. */
struct explore_place {
    struct nika_host host;
    uint8_t *memory, *app_memory;
    struct nika_replica *replica;
    struct nika_app *app;
    struct nika_trusted_instance trusted;
    uint32_t holds; /* Local state whose image lies here, EXPLORE_NONE = none. */
};

struct explore_pending {
    enum nika_event_kind kind; /* STORED, APP, or MESSAGE for a batch. */
    uint64_t token;
    uint32_t batch;
    uint32_t offset, size; /* Into `answers`. */
    uint32_t record;       /* + 1; 0 = none. */
};

/* What protocols differ in. */
struct explore_protocol {
    const char *name;
    /* Forget what no event that is still to come can tell apart: generations, statistics, limits of rate. */
    void (*forget)(struct nika_replica *replica);
    /* Would taking this message change nothing but a count that is reached already? */
    bool (*useless)(const struct nika_replica *replica, const struct nika_frame *frame);
};
extern const struct explore_protocol explore_hybster, explore_pbft;

struct explore_model {
    struct nika_explore_options options;
    const struct explore_protocol *protocol;
    const struct nika_replica_ops *ops;
    struct nika_config config;
    struct nika_keyring *keyring;
    struct nika_trusted_key *key;
    uint64_t epochs[NIKA_REPLICAS_MAX];
    size_t memory_size, app_size;
    struct explore_place place[NIKA_EXPLORE_REPLICAS_MAX + 1u]; /* The last one judges. */

    struct explore_set frames; /* Message number = index. */
    struct explore_message *messages;
    uint64_t messages_capacity;
    struct explore_set lists;            /* Ascending message numbers, two bytes each. */
    struct explore_set digests;          /* Of batches. */
    struct explore_set batches;          /* BATCH frames. */
    uint32_t batch[EXPLORE_BATCHES_MAX]; /* By digest: frame + 1, 0 = none was made. */
    struct explore_set records;          /* kind u32 | seq u64 | bytes. */
    struct explore_set disks; /* Records in the order in which they were written, two bytes each. */
    /* States at checkpoints by their digest, and their META and CHUNK bodies: same numbers. */
    struct explore_set snapshots, bodies;
    struct explore_set blocks, images, keys;
    struct explore_local *locals; /* Same numbers as `keys`. */
    uint64_t locals_capacity;
    struct explore_map steps;    /* local << 16 | event: local. */
    uint64_t transfers, crashes; /* Steps with which one ended. */
    uint64_t replays;            /* Steps that a module really took. */

    /* While a module runs. */
    struct nika_effects effects;
    struct explore_pending pending[EXPLORE_PENDING_MAX];
    uint32_t pending_first, pending_count;
    uint8_t *answers;
    uint32_t answers_used;
    struct explore_local now;
    uint16_t sent[EXPLORE_LIST_MAX];
    uint32_t sent_count;
    uint16_t disk[EXPLORE_LIST_MAX];
    uint32_t disk_count;
    uint32_t events; /* Of the module, within one step. */
    uint64_t given;  /* Bit = batch that was handed over in this step. */
};

/* ---- message.c ---- */
/* The number of a frame; what is inside is numbered, too. */
uint32_t explore_message_add(struct explore_model *m, struct nika_span frame);
void explore_message_frame(const struct explore_model *m, uint32_t message, struct nika_frame *out);
/* The number of a batch's digest. */
uint32_t explore_batch(struct explore_model *m, const struct nika_digest *digest);
/* Somebody made it: from now on whoever waits for it gets it. */
void explore_batch_made(struct explore_model *m, const struct nika_digest *digest,
                        struct nika_span frame);
struct nika_digest explore_batch_digest(const struct explore_model *m, uint32_t batch);
/* REQUEST number `index` (from 0), of client `index`. */
uint32_t explore_request(struct explore_model *m, uint32_t index);
/* A frame of `sender` around a body, authenticated as its type asks. Valid until the next call. */
struct nika_span explore_frame(struct explore_model *m, uint32_t sender,
                               const struct nika_message_info *info, struct nika_span body);
/* "PREPARE v0 o1 a" */
void explore_message_text(const struct explore_model *m, uint32_t message, char *out, size_t size);

/* Lists. */
const uint16_t *explore_list_at(const struct explore_model *m, uint32_t list, uint32_t *count);
/* Sorts and removes doubles. */
uint32_t explore_list_add(struct explore_model *m, uint16_t *ids, uint32_t count);
uint32_t explore_list_with(struct explore_model *m, uint32_t list, uint32_t message);
uint32_t explore_list_join(struct explore_model *m, uint32_t a, uint32_t b);

/* ---- place.c ---- */
/* One place a replica, and place[n], in which nothing ever happens: a replica to ask whether it would believe a message. */
bool explore_places_open(struct explore_model *m);
void explore_places_close(struct explore_model *m);

/* ---- step.c ---- */
/* The first local state of a replica: started, nothing taken. */
uint32_t explore_local_first(struct explore_model *m, uint32_t replica);
/* Where taking `event` leads; the same state when it changes nothing. */
uint32_t explore_local_step(struct explore_model *m, uint32_t local, uint16_t event);

/* ---- world.c: disk, application and snapshots of a place ---- */
void explore_push(struct explore_model *m, struct explore_pending pending);
void explore_world_apply(struct explore_model *m, struct explore_place *p,
                         const struct nika_action *a, struct nika_span bytes);
/* What was on its way to the disk has arrived. */
void explore_disk_write(struct explore_model *m, uint32_t record);
/* A module as after a crash: nothing but what the disk has. START is the caller's. */
void explore_recover(struct explore_model *m, struct explore_place *p);
/* The next piece of the state that the replica is fetching, from whomever it asks. False: nothing is asked for, or nobody has it. */
bool explore_state_piece(struct explore_model *m, const struct explore_place *p,
                         struct nika_frame *out);

/* ---- adversary.c: Hybster's corrupted replica ---- */
struct explore_moves {
    uint16_t certified[EXPLORE_LIST_MAX]; /* One message each ... */
    uint32_t next[EXPLORE_LIST_MAX];      /* ... and the list of what is certified then. */
    uint32_t count;
};
/* Everything that the corrupted replica can have certified next. `mine`: what it has; `all`: what exists. */
void explore_lies(struct explore_model *m, uint32_t mine, uint32_t all, struct explore_moves *out);
/* What exists together with what needs no counter: NEW-VIEW-ACKs of the corrupted replica, and proofs that an order is final. */
uint32_t explore_free_messages(struct explore_model *m, uint32_t all);

#endif
