/* tests/engine/sim/toy.h: the smallest modules that make a world move: replicas that pass a number around by broadcast, persist and
 * execute on a timer, and count what they see; a client that does nothing; an application that counts. */
#ifndef TESTS_ENGINE_SIM_TOY_H
#define TESTS_ENGINE_SIM_TOY_H

#include "engine/core/assert.h"
#include "engine/core/digest.h"
#include "engine/sim/world.h"

/* Modes, in config.protocol. */
enum { TOY_RELAY = 1, TOY_PERSIST = 2, TOY_EXECUTE = 4, TOY_BURST = 8, TOY_TIMER = 16 };

struct toy_message {
    uint64_t seq;
};
static const struct nika_field toy_fields[] = {{"seq", NIKA_FIELD_SEQ, 0, 0, NULL}};
static const struct nika_message_info toy_info = {.name = "TOY",
                                                  .type = 1,
                                                  .auth = NIKA_AUTH_SIGNATURE,
                                                  .message_class = NIKA_MESSAGE_PREPARE,
                                                  .struct_size = sizeof(struct toy_message),
                                                  .field_count = 1,
                                                  .fields = toy_fields,
                                                  .doc = "a number"};
static const struct nika_message_info *const toy_list[] = {NULL, &toy_info};
static const struct nika_message_table toy_messages = {"toy", 2, toy_list};

struct nika_replica {
    const struct nika_config *config;
    const struct nika_host *host;
    uint64_t received, out_of_order, last_seq, persisted, durable, failed, recovered, recovered_max,
        amnesiac, executed, timers, last_now, expected_timer_ns;
};

static inline void toy_send(struct nika_replica *r, struct nika_effects *effects, uint64_t seq)
{
    uint8_t body[8], auth[NIKA_AUTH_SIZE_MAX], frame[512];
    nika_store_le(body, seq, 8);
    struct nika_span span = {body, 8};
    uint32_t size = r->host->authenticate(r->host->world, r->host->self, NIKA_AUTH_SIGNATURE, 1,
                                          NIKA_NODE_NONE, span, auth);
    struct nika_writer w = nika_writer_of(frame, sizeof frame);
    nika_frame_write(r->config, 1, r->host->self, span, NIKA_AUTH_SIGNATURE,
                     (struct nika_span){auth, size}, &w);
    nika_effects_broadcast(effects, NIKA_CLASS_CONTROL, (struct nika_span){w.data, w.at});
}
static inline size_t toy_size(const struct nika_config *config)
{
    (void)config;
    return sizeof(struct nika_replica);
}
static inline size_t toy_used(const struct nika_replica *r)
{
    (void)r;
    return sizeof *r;
}
static inline struct nika_replica *toy_init(void *memory, const struct nika_config *config,
                                            const struct nika_host *host)
{
    struct nika_replica *r = memory;
    r->config = config;
    r->host = host;
    return r;
}
static inline void toy_recover(struct nika_replica *r, uint32_t kind, uint64_t seq,
                               struct nika_span record)
{
    (void)record;
    if (kind == NIKA_RECORD_AMNESIA)
        r->amnesiac = 1;
    else
        r->recovered++;
    if (seq > r->recovered_max) r->recovered_max = seq;
}
static inline void toy_execute(struct nika_effects *effects, uint64_t seq)
{
    uint8_t *bytes = NULL;
    struct nika_action *a = nika_effects_add(effects, NIKA_ACTION_EXECUTE, 52, &bytes);
    NIKA_ASSERT(a != NULL);
    memset(bytes, 0, 52);
    nika_store_le(bytes, seq, 8);
    a->token = seq;
}
static inline void toy_tick(struct nika_replica *r, struct nika_effects *effects)
{
    uint32_t mode = r->config->protocol;
    uint8_t record[100] = {7};
    if (mode & TOY_PERSIST) {
        r->persisted++;
        nika_effects_persist(effects, r->persisted, 1, r->persisted,
                             (struct nika_span){record, sizeof record});
    }
    if (mode & TOY_EXECUTE) toy_execute(effects, ++r->executed);
    if (mode & TOY_TIMER || mode & TOY_PERSIST || mode & TOY_EXECUTE)
        nika_effects_timer(effects, 0, r->timers + 1, 1000000);
}
static inline void toy_step(struct nika_replica *r, const struct nika_event *event,
                            struct nika_effects *effects)
{
    uint32_t mode = r->config->protocol;
    NIKA_ASSERT(event->now_ns >= r->last_now);
    r->last_now = event->now_ns;
    if (event->kind == NIKA_EVENT_START) {
        r->persisted = r->recovered_max;
        toy_tick(r, effects);
        if ((mode & TOY_RELAY) && r->host->self == 0) toy_send(r, effects, 1);
        for (uint64_t i = 1; (mode & TOY_BURST) && r->host->self == 0 && i <= 200; i++)
            toy_send(r, effects, i);
    } else if (event->kind == NIKA_EVENT_MESSAGE) {
        uint64_t seq = nika_load_le(event->frame->body.data, 8);
        r->received++;
        if (seq < r->last_seq) r->out_of_order++;
        r->last_seq = seq;
        if ((mode & TOY_RELAY) && seq % r->config->n == r->host->self)
            toy_send(r, effects, seq + 1);
    } else if (event->kind == NIKA_EVENT_TIMER) {
        r->timers++;
        if (r->timers == 5) r->amnesiac = 0; /* By now it is over what it forgot. */
        toy_tick(r, effects);
    } else if (event->kind == NIKA_EVENT_STORED) {
        if (event->status == 0)
            r->durable = event->token;
        else
            r->failed++;
    }
}
static inline void toy_status(const struct nika_replica *r, struct nika_replica_status *out)
{
    *out = (struct nika_replica_status){.view = r->received,
                                        .low_mark = r->durable,
                                        .last_executed = r->recovered_max,
                                        .last_committed = r->out_of_order,
                                        .pending = (uint32_t)r->failed,
                                        .wait = (uint32_t)r->timers,
                                        .amnesiac = r->amnesiac != 0,
                                        .wait_detail = r->amnesiac};
}
static inline void toy_digest(const struct nika_replica *r, struct nika_digest *out)
{
    memset(out, 0, sizeof *out);
    nika_store_le(out->bytes, r->received, 8);
}
static inline void toy_describe(uint8_t type, struct nika_span body, struct nika_summary *out)
{
    memset(out, 0, sizeof *out);
    if (type != 1 || body.size != 8) return;
    out->message_class = NIKA_MESSAGE_PREPARE;
    out->seq = nika_load_le(body.data, 8);
}
static inline void toy_describe_record(uint32_t kind, struct nika_span record,
                                       struct nika_summary *out)
{
    (void)kind;
    (void)record;
    memset(out, 0, sizeof *out);
}
static inline const char *toy_check(const struct nika_config *config)
{
    (void)config;
    return NULL;
}
static const struct nika_replica_ops toy_ops = {.name = "toy",
                                                .doc = "toy",
                                                .messages = &toy_messages,
                                                .check = toy_check,
                                                .size = toy_size,
                                                .used = toy_used,
                                                .init = toy_init,
                                                .recover = toy_recover,
                                                .step = toy_step,
                                                .status = toy_status,
                                                .digest = toy_digest,
                                                .describe = toy_describe,
                                                .describe_record = toy_describe_record};

static inline void toy_client_step(struct nika_replica *r, const struct nika_event *event,
                                   struct nika_effects *effects)
{
    (void)r;
    if (event->kind != NIKA_EVENT_INVOKE) return;
    struct nika_action *a = nika_effects_add(effects, NIKA_ACTION_COMPLETE, 0, NULL);
    NIKA_ASSERT(a != NULL);
    a->token = event->token;
}
static const struct nika_client_ops toy_client = {.name = "toy",
                                                  .size = toy_size,
                                                  .init = toy_init,
                                                  .recover = toy_recover,
                                                  .step = toy_client_step};

struct nika_app {
    uint64_t ops;
};
static inline size_t toy_app_size(const struct nika_config *config)
{
    (void)config;
    return sizeof(struct nika_app);
}
static inline size_t toy_app_used(const struct nika_app *app)
{
    (void)app;
    return sizeof *app;
}
static inline struct nika_app *toy_app_init(void *memory, const struct nika_config *config,
                                            uint64_t param)
{
    (void)config;
    (void)param;
    return memory;
}
static const struct nika_app_ops toy_app = {
    .name = "toy", .size = toy_app_size, .used = toy_app_used, .init = toy_app_init};

static inline struct nika_latency toy_latency(uint64_t low, uint64_t high)
{
    struct nika_latency l;
    for (uint32_t i = 0; i < NIKA_LATENCY_POINTS; i++)
        l.quantile_ns[i] = low + (high - low) * i / (NIKA_LATENCY_POINTS - 1);
    return l;
}
/* Options of a quiet world of 4 replicas and one client; the keyring is made here and lives as long as the process. */
static inline struct nika_world_options toy_options(uint32_t mode)
{
    struct nika_world_options o;
    const char *reason = NULL;
    memset(&o, 0, sizeof o);
    nika_config_default(&o.config);
    o.config.protocol = mode;
    o.config.suite = NIKA_SUITE_SIM;
    NIKA_ASSERT(nika_config_seal(&o.config, &reason) == NIKA_OK);
    nika_auth_install_sim(&nika_auth_sim_table);
    o.keyring = nika_keyring_new_derived(NIKA_SUITE_SIM, o.config.n, o.config.clients, 1);
    o.replica_ops = &toy_ops;
    o.client_ops = &toy_client;
    o.app_ops = &toy_app;
    o.network.latency[0] = toy_latency(100000, 200000);
    o.disk.fsync = toy_latency(50000, 50000);
    o.disk.log_bytes_max = 1u << 20;
    o.disk.snapshot_bytes_max = 1u << 16;
    o.gst_ns = o.time_limit_ns = NIKA_NEVER;
    o.event_limit = UINT64_MAX;
    o.message_bytes_max = 16u << 20;
    return o;
}

#endif
