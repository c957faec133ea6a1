/* tests/engine/sim/script.h: replicas whose steps are written in the test, over the toy of toy.h and a real small application.
 *
 * What modules saw is kept in `seen`, outside the world: a crash does not clear it. */
#ifndef TESTS_ENGINE_SIM_SCRIPT_H
#define TESTS_ENGINE_SIM_SCRIPT_H

#include "tests/support/test.h"

#include "apps/registry.h"
#include "engine/core/bytes.h"
#include "tests/engine/sim/toy.h"

#define MS UINT64_C(1000000)
#define US UINT64_C(1000)
#define SEEN_MAX 32768u

/* One thing that a module was told, by life. */
struct seen {
    uint32_t node, life;
    uint32_t kind; /* enum nika_event_kind, or SEEN_RECOVER. */
    uint32_t record;
    uint64_t now_ns, token, seq;
    int32_t status;
    uint32_t size;
    uint8_t bytes[256];
};
#define SEEN_RECOVER 1000u
static struct seen seen[SEEN_MAX];
static uint32_t seen_count, lives[NIKA_REPLICAS_MAX];

typedef void script_step(struct nika_replica *r, const struct nika_event *event,
                         struct nika_effects *effects);
static script_step *script;

static inline struct seen *seen_add(uint32_t node, uint32_t kind, struct nika_span bytes)
{
    assert_true(seen_count < SEEN_MAX);
    struct seen *s = &seen[seen_count++];
    memset(s, 0, sizeof *s);
    s->node = node;
    s->life = nika_is_client(node) ? 0 : lives[node];
    s->kind = kind;
    s->size = bytes.size;
    if (bytes.size > 0)
        memcpy(s->bytes, bytes.data, bytes.size < sizeof s->bytes ? bytes.size : sizeof s->bytes);
    return s;
}
static inline struct nika_replica *script_init(void *memory, const struct nika_config *config,
                                               const struct nika_host *host)
{
    if (!nika_is_client(host->self)) lives[host->self]++;
    return toy_init(memory, config, host);
}
static inline void script_recover(struct nika_replica *r, uint32_t kind, uint64_t seq,
                                  struct nika_span record)
{
    struct seen *s = seen_add(r->host->self, SEEN_RECOVER, record);
    s->record = kind;
    s->seq = seq;
}
static inline void script_run(struct nika_replica *r, const struct nika_event *event,
                              struct nika_effects *effects)
{
    struct nika_span bytes = event->kind == NIKA_EVENT_MESSAGE ? event->frame->body : event->bytes;
    struct seen *s = seen_add(r->host->self, (uint32_t)event->kind, bytes);
    s->now_ns = event->now_ns;
    s->token = event->token;
    s->status = event->status;
    script(r, event, effects);
}
/* How many things of this kind (and recovered record kind) a life of a replica saw. */
static inline uint32_t seen_of(uint32_t node, uint32_t life, uint32_t kind, uint32_t record)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < seen_count; i++) {
        count += seen[i].node == node && seen[i].life == life && seen[i].kind == kind &&
                 (kind != SEEN_RECOVER || seen[i].record == record);
    }
    return count;
}
/* The newest of them. */
static inline const struct seen *seen_last(uint32_t node, uint32_t life, uint32_t kind)
{
    for (uint32_t i = seen_count; i > 0; i--) {
        const struct seen *s = &seen[i - 1];
        if (s->node == node && s->life == life && s->kind == kind) return s;
    }
    fail_msg("life %u of replica %u never saw %u", life, node, kind);
    return NULL;
}

static struct nika_replica_ops script_ops;
static struct nika_client_ops script_client;

/* Options of a quiet world that runs `step` at every replica over the application `null`. */
static inline struct nika_world_options script_options(script_step *step)
{
    struct nika_world_options o = toy_options(0);
    script = step;
    seen_count = 0;
    memset(lives, 0, sizeof lives);
    script_ops = toy_ops;
    script_ops.init = script_init;
    script_ops.recover = script_recover;
    script_ops.step = script_run;
    script_client = toy_client;
    o.replica_ops = &script_ops;
    o.app_ops = &nika_app_null;
    return o;
}
static inline struct nika_world *script_world(const struct nika_world_options *o, uint64_t seed)
{
    const char *reason = NULL;
    struct nika_world *w = nika_world_new(o, seed, &reason);
    if (w == NULL) fail_msg("%s", reason);
    return w;
}
static inline void script_end(struct nika_world *w, const struct nika_world_options *o)
{
    nika_world_free(w);
    nika_keyring_free(o->keyring);
}

/* ---- actions ---- */
static inline struct nika_action *act(struct nika_effects *effects, enum nika_action_kind kind,
                                      uint64_t a, uint64_t token, struct nika_span bytes)
{
    uint8_t *out = NULL;
    struct nika_action *action = nika_effects_add(effects, kind, bytes.size, &out);
    NIKA_ASSERT(action != NULL);
    if (bytes.size > 0) memcpy(out, bytes.data, bytes.size);
    action->a = a;
    action->token = token;
    return action;
}
static inline void act_persist(struct nika_effects *effects, uint32_t kind, uint64_t seq,
                               uint64_t token, uint32_t size)
{
    uint8_t record[1024] = {0};
    NIKA_ASSERT(size <= sizeof record);
    nika_store_le(record, token, size < 8 ? size : 8);
    nika_effects_persist(effects, token, kind, seq, (struct nika_span){record, size});
}
/* `count` operations of client 0 with timestamps from `first`. */
static inline void act_execute(struct nika_effects *effects, uint64_t seq, uint32_t count,
                               uint64_t first, uint64_t token)
{
    uint8_t bytes[2048] = {0};
    struct nika_digest digest;
    memset(&digest, 7, sizeof digest);
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    nika_write_u64(&w, seq);
    nika_write_u64(&w, 1);
    nika_write_digest(&w, &digest);
    nika_write_u32(&w, count);
    for (uint32_t i = 0; i < count; i++) {
        nika_write_u32(&w, 0);
        nika_write_u64(&w, first + i);
        nika_write_u32(&w, 0);
        nika_write_bytes(&w, (struct nika_span){(const uint8_t *)"", 0});
    }
    NIKA_ASSERT(!w.failed);
    (void)act(effects, NIKA_ACTION_EXECUTE, 0, token, (struct nika_span){w.data, w.at});
}

/* ---- a fault that crashes and restarts replica 0 at given times, and lets a test set the other hooks ---- */
static uint64_t crash_at_ns, restart_at_ns;
static inline void script_fault_start(struct nika_fault *f)
{
    f->host->wake(f->host->world, f, crash_at_ns, 1);
    f->host->wake(f->host->world, f, restart_at_ns, 2);
}
static inline void script_fault_wake(struct nika_fault *f, uint64_t cookie)
{
    if (cookie == 1) f->host->crash(f->host->world, 0);
    if (cookie == 2) f->host->restart(f->host->world, 0, false);
}
static inline bool script_tear_all(struct nika_fault *f, uint32_t replica, uint32_t unsynced,
                                   uint32_t *kept)
{
    (void)f;
    (void)replica;
    (void)unsynced;
    *kept = 0;
    return true;
}
static struct nika_fault_ops script_fault;
static inline void script_crash(struct nika_world_options *o, uint64_t crash_ns,
                                uint64_t restart_ns)
{
    crash_at_ns = crash_ns;
    restart_at_ns = restart_ns;
    script_fault = (struct nika_fault_ops){.name = "script",
                                           .fault_class = NIKA_FAULT_DISK,
                                           .start = script_fault_start,
                                           .on_wake = script_fault_wake,
                                           .on_tear = script_tear_all};
    o->faults[0] = (struct nika_fault){.ops = &script_fault, .targets = {1}, .to_ns = NIKA_NEVER};
    o->fault_count = 1;
}

#endif
