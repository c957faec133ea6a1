/* tests/protocols/hybster/fixture.h: one Hybster replica under test beside two silent ones (n = 3, f = 1, K = 4, L = 8).
 *
 * The silent ones exist as keys: a test certifies whatever their trusted subsystems might say, and what no working one ever says. Disk
 * and application answer right after the step that asked; timers fire only when a test says so. */
#ifndef TESTS_PROTOCOLS_HYBSTER_FIXTURE_H
#define TESTS_PROTOCOLS_HYBSTER_FIXTURE_H

#include "engine/core/trusted_instance.h"
#include "protocols/hybster/state.h"
#include "tests/support/test.h"

#define FIXTURE_REPLICAS 3u
#define FIXTURE_LOG_MAX 256u
#define FIXTURE_COMPLETIONS_MAX 256u
#define FIXTURE_TYPES 32u

struct fixture_bytes {
    uint8_t *data;
    uint32_t size;
};
struct fixture_completion {
    enum nika_event_kind kind;
    uint64_t token;
    int32_t status;
    struct fixture_bytes bytes; /* CERTIFIED: the digest that is to be certified. */
    uint32_t counter;
    struct nika_trusted_value value;
};
struct fixture_record {
    uint32_t kind;
    uint64_t seq;
    struct fixture_bytes bytes;
};
struct fixture {
    struct nika_config config;
    struct nika_keyring *keyring;
    struct nika_trusted_key *key;
    uint64_t epochs[FIXTURE_REPLICAS];
    struct nika_trusted_instance instance; /* Of the replica under test. */
    bool trusted_gone;                     /* It answers nothing any more. */
    bool later;                            /* Orders are certified by event. */
    uint32_t self;
    void *memory;
    struct nika_replica *replica;
    struct nika_host host;
    struct nika_effects effects;
    uint64_t now_ns;
    struct fixture_record log[FIXTURE_LOG_MAX];
    uint32_t log_count;
    struct fixture_completion completions[FIXTURE_COMPLETIONS_MAX];
    uint32_t completion_first, completion_count;
    bool held; /* Disk and application answer only when fixture_answer() says so. */
    struct nika_digest app_state;
    uint32_t rejects[NIKA_CHECK_COUNT];
    uint32_t alarms, evidence;
    uint32_t sent[FIXTURE_TYPES]; /* By frame type, a broadcast counts once. */
    uint64_t sent_seq[64];        /* Orders of COMMITs sent, oldest first. */
    uint32_t sent_seq_count;
};

/* Replica `self`, started, in view 0. */
struct fixture *fixture_new(uint32_t self);
/* The same with parallel pillars. */
struct fixture *fixture_new_pillars(uint32_t self, uint32_t pillars);
/* The same whose host certifies orders later, behind the log. */
struct fixture *fixture_new_later(uint32_t self);
void fixture_free(struct fixture *f);
static inline struct nika_span fixture_span(struct fixture_bytes bytes)
{
    return (struct nika_span){bytes.data, bytes.size};
}
/* Give a frame to the replica and free it. False when ingress refuses it. */
bool fixture_give(struct fixture *f, struct fixture_bytes frame);
/* Let disk and application answer the oldest `count` requests made to them. */
void fixture_answer(struct fixture *f, uint32_t count);
/* Fire a timer if it is armed. */
bool fixture_fire(struct fixture *f, uint32_t timer);
/* Records of this kind in the log. */
uint32_t fixture_records(const struct fixture *f, uint32_t kind);
/* The disk loses them. */
void fixture_lose(struct fixture *f, uint32_t kind);
/* Where the ordering counter of a pillar stands. */
static inline struct nika_trusted_value fixture_counter(const struct fixture *f, uint32_t pillar)
{
    return f->instance.counter[hybster_order_counter(pillar)].last.value;
}
/* Lose the memory, keep the disk and the trusted subsystem. */
void fixture_restart(struct fixture *f);
/* A frame of `sender` with this body; requests are signed. */
struct fixture_bytes fixture_frame(struct fixture *f, uint32_t sender,
                                   const struct nika_message_info *info, struct nika_span body);

#endif
