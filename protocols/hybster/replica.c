/* protocols/hybster/replica.c: one Hybster replica as a module: memory layout, event dispatch and status (PROTOCOLS.md 2, 4).
 *
 * Owns the layout of all memory and decides which file an event goes to. Stale timers, stale completions of a view or of an
 * execution that was left are dropped here, so no handler has to think of them. */
#include "protocols/common/batcher.h"
#include "protocols/common/execute.h"
#include "protocols/common/fetch.h"
#include "protocols/common/intake.h"
#include "protocols/common/status.h"
#include "protocols/common/transfer.h"
#include "protocols/hybster/describe.h"
#include "protocols/hybster/state.h"

/* Where each part of a replica's memory begins. The store is last, so that what is in use is a prefix. */
struct layout {
    size_t pillars, slots, votes, checkpoints, view_changes, acks, evidence, peers, reads, pending,
        replies, store, total;
    uint32_t checkpoint_rows;
};

static size_t take(size_t *at, size_t size)
{
    size_t here = *at;
    *at = (here + size + 15u) & ~(size_t)15u;
    return here;
}

static void hybster_layout(const struct nika_config *c, struct layout *l)
{
    size_t at = 0;
    l->checkpoint_rows = c->window / c->checkpoint_interval + 1;
    (void)take(&at, sizeof(struct nika_replica));
    l->pillars = take(&at, c->pillars * sizeof(struct hybster_pillar));
    l->slots = take(&at, c->window * sizeof(struct hybster_slot));
    l->votes = take(&at, (size_t)c->window * c->n * sizeof(struct hybster_vote));
    l->checkpoints =
        take(&at, (size_t)c->n * (l->checkpoint_rows + 1) * sizeof(struct common_checkpoint_vote));
    l->view_changes = take(&at, c->n * sizeof(struct hybster_view_change_entry));
    l->acks = take(&at, c->n * sizeof(struct hybster_ack_entry));
    l->evidence = take(&at, c->n * sizeof(struct common_evidence));
    l->peers = take(&at, c->n * sizeof(struct common_peer));
    l->reads = take(&at, c->clients * sizeof(struct hybster_read));
    l->pending = take(&at, common_pending_size(c));
    l->replies = take(&at, common_reply_cache_size(c));
    l->store = take(&at, nika_store_size(c->store_bytes));
    l->total = at;
}

static const char *replica_check(const struct nika_config *config)
{
    return config->n >= 2 * config->f + 1 ? NULL : "Hybster needs n >= 2f+1 replicas";
}

static size_t replica_size(const struct nika_config *config)
{
    struct layout l;
    hybster_layout(config, &l);
    return l.total;
}

static size_t replica_used(const struct nika_replica *r)
{
    return (size_t)((const uint8_t *)r->core.store - (const uint8_t *)r) +
           nika_store_used(r->core.store);
}

static struct nika_replica *replica_init(void *memory, const struct nika_config *config,
                                         const struct nika_host *host)
{
    struct nika_replica *r = memory;
    uint8_t *base = memory;
    struct layout l;
    hybster_layout(config, &l);
    r->core.hooks = &hybster_hooks;
    r->core.config = config;
    r->core.host = host;
    r->core.self = host->self;
    r->core.n = config->n;
    r->core.f = config->f;
    r->core.pillars = config->pillars;
    r->core.quorum = hybster_majority(config->n);
    r->core.weak = common_weak(config->f);
    r->core.stable_need = r->core.weak;
    NIKA_ASSERT(r->core.self < r->core.n);
    r->core.checkpoint_rows = l.checkpoint_rows;
    r->pillars = (struct hybster_pillar *)(void *)(base + l.pillars);
    r->core.slots = base + l.slots;
    r->core.slot_size = sizeof(struct hybster_slot);
    r->slots = (struct hybster_slot *)(void *)r->core.slots;
    r->votes = (struct hybster_vote *)(void *)(base + l.votes);
    r->core.checkpoints = (struct common_checkpoint_vote *)(void *)(base + l.checkpoints);
    r->view_changes = (struct hybster_view_change_entry *)(void *)(base + l.view_changes);
    r->acks = (struct hybster_ack_entry *)(void *)(base + l.acks);
    r->core.evidence = (struct common_evidence *)(void *)(base + l.evidence);
    r->core.peers = (struct common_peer *)(void *)(base + l.peers);
    r->reads = (struct hybster_read *)(void *)(base + l.reads);
    common_pending_init(&r->core.pending, config, base + l.pending);
    common_reply_cache_init(&r->core.replies, config, base + l.replies);
    /* VIEW-CHANGEs and NEW-VIEWs, entered, awaited and being built, rounded up as the store does. */
    uint64_t reserve = 8u * (uint64_t)hybster_new_view_size_max(config);
    r->core.pending.reserve =
        reserve < config->store_bytes / 2 ? (uint32_t)reserve : config->store_bytes / 2;
    r->core.store = nika_store_init(base + l.store, config->store_bytes);
    r->core.active = true;
    common_next_past(&r->core, 0);
    return r;
}

static bool certified(uint8_t type)
{
    return type == HYBSTER_TYPE_prepare || type == HYBSTER_TYPE_commit ||
           type == HYBSTER_TYPE_commit_cert || type == HYBSTER_TYPE_checkpoint ||
           type == HYBSTER_TYPE_view_change || type == HYBSTER_TYPE_new_view ||
           type == HYBSTER_TYPE_new_view_ack;
}

static void on_message(struct nika_replica *r, const struct nika_frame *frame)
{
    if (r->deaf && certified(frame->type)) return;
    switch (frame->type) {
    case COMMON_TYPE_request:
        common_on_request(&r->core, frame);
        return;
    case COMMON_TYPE_batch:
        common_on_batch(&r->core, frame);
        return;
    case COMMON_TYPE_fetch_batch:
        common_on_fetch_batch(&r->core, frame);
        return;
    case COMMON_TYPE_fetch_meta:
        common_on_fetch_meta(&r->core, frame);
        return;
    case COMMON_TYPE_meta:
        common_on_meta(&r->core, frame);
        return;
    case COMMON_TYPE_fetch_chunk:
        common_on_fetch_chunk(&r->core, frame);
        return;
    case COMMON_TYPE_chunk:
        common_on_chunk(&r->core, frame);
        return;
    case COMMON_TYPE_no_snapshot:
        common_on_no_snapshot(&r->core, frame);
        return;
    case HYBSTER_TYPE_prepare:
        hybster_on_prepare(r, frame);
        return;
    case HYBSTER_TYPE_commit:
        hybster_on_commit(r, frame);
        return;
    case HYBSTER_TYPE_commit_cert:
        hybster_on_commit_cert(r, frame);
        return;
    case HYBSTER_TYPE_checkpoint:
        common_on_checkpoint(&r->core, frame);
        return;
    case HYBSTER_TYPE_view_change:
        hybster_on_view_change(r, frame);
        return;
    case HYBSTER_TYPE_new_view:
        hybster_on_new_view(r, frame);
        return;
    case HYBSTER_TYPE_new_view_ack:
        hybster_on_ack(r, frame);
        return;
    case HYBSTER_TYPE_status:
        hybster_on_status(r, frame);
        return;
    default:
        common_reject(&r->core, NIKA_CHECK_W0, frame->sender);
        return;
    }
}

static void on_timer(struct nika_replica *r, const struct nika_event *event)
{
    if (event->timer >= COMMON_TIMER_COUNT || !r->core.timer_armed[event->timer]) return;
    if (event->generation != r->core.timer_generation[event->timer]) return;
    r->core.timer_armed[event->timer] = false;
    switch ((enum common_timer)event->timer) {
    case COMMON_TIMER_REQUEST:
        common_request_expired(&r->core);
        return;
    case COMMON_TIMER_VIEW:
        hybster_view_timer(r);
        return;
    case COMMON_TIMER_BATCH:
        common_batch_try_cut(&r->core, true);
        return;
    case COMMON_TIMER_STATUS:
        common_status_timer(&r->core);
        return;
    case COMMON_TIMER_FETCH:
        common_fetch_timer(&r->core);
        return;
    case COMMON_TIMER_TRANSFER:
        common_transfer_timer(&r->core);
        return;
    case COMMON_TIMER_LAG:
        common_lag_timer(&r->core);
        return;
    case COMMON_TIMER_COUNT:
        return;
    }
}

static void persist_refused(struct nika_replica *r, uint32_t kind, uint64_t seq)
{
    if (kind != HYBSTER_TOKEN_INTENT && kind != HYBSTER_TOKEN_PREPARE) return;
    struct hybster_slot *slot = hybster_slot_find(r, seq);
    if (slot != NULL) slot->persist_failed = true;
}

static void on_stored(struct nika_replica *r, const struct nika_event *event)
{
    uint32_t kind = (uint32_t)(event->token >> 56);
    uint16_t generation = (uint16_t)(event->token >> 40);
    uint64_t seq = hybster_token_number(r, event->token);
    if (kind == COMMON_TOKEN_TRANSFER_SAVED) {
        common_transfer_saved(&r->core, seq, event->status);
    } else if (kind == HYBSTER_TOKEN_PREPARE && generation != r->view_generation) {
        if (seq != 0 && hybster_pillar_of(r, seq)->certifying == seq)
            hybster_certified_stored(r, seq, event->status != 0);
    } else if (event->status != 0) {
        if (generation == r->view_generation) persist_refused(r, kind, seq);
    } else if (kind == COMMON_TOKEN_SNAPSHOT_SAVED) {
        common_snapshot_saved(&r->core, seq);
    } else if (kind == COMMON_TOKEN_STABLE) {
        common_stable_stored(&r->core, seq);
    } else if (generation != r->view_generation) {
        return; /* A vote of a view that was left (INV-VCM). */
    } else if (kind == HYBSTER_TOKEN_INTENT) {
        hybster_intent_stored(r, seq);
    } else if (kind == HYBSTER_TOKEN_PREPARE) {
        hybster_prepare_stored(r, seq);
    } else if (kind == HYBSTER_TOKEN_VIEW_CHANGE) {
        hybster_view_change_stored(r, seq);
    } else if (kind == HYBSTER_TOKEN_NEW_VIEW) {
        hybster_new_view_stored(r, seq);
    }
}

static void on_app(struct nika_replica *r, const struct nika_event *event)
{
    uint32_t kind = (uint32_t)(event->token >> 56);
    uint16_t generation = (uint16_t)(event->token >> 40);
    uint64_t seq = hybster_token_number(r, event->token);
    /* A chunk is what it is whatever was executed since; its proof tells. */
    if (kind == COMMON_TOKEN_CHUNK) {
        common_chunk_ready(&r->core, (uint32_t)seq, event->status, event->bytes);
        return;
    }
    if (generation != r->core.exec_generation) {
        /* The client asks again; what its read saw is no longer this replica's state. */
        if (kind == COMMON_TOKEN_QUERY && seq < r->core.config->clients)
            r->reads[seq].timestamp = 0;
        return;
    }
    if (kind == COMMON_TOKEN_EXECUTE) common_executed(&r->core, seq, event->bytes);
    if (kind == COMMON_TOKEN_SNAPSHOT) common_snapshot_meta(&r->core, seq, event->bytes);
    if (kind == COMMON_TOKEN_RESTORE) common_restored(&r->core, seq, event->status, event->bytes);
    if (kind != COMMON_TOKEN_QUERY || seq >= r->core.config->clients) return;
    if (event->status != 0) {
        common_reject(&r->core, NIKA_CHECK_RO1, nika_client_node((uint32_t)seq));
        r->reads[seq].timestamp = 0;
        return;
    }
    hybster_read_only_done(r, (uint32_t)seq, event->bytes);
}

static void replica_step(struct nika_replica *r, const struct nika_event *event,
                         struct nika_effects *effects)
{
    r->core.now_ns = event->now_ns;
    r->core.effects = effects;
    switch (event->kind) {
    case NIKA_EVENT_START:
        hybster_start(r);
        break;
    case NIKA_EVENT_MESSAGE:
        on_message(r, event->frame);
        break;
    case NIKA_EVENT_TIMER:
        on_timer(r, event);
        break;
    case NIKA_EVENT_STORED:
        on_stored(r, event);
        break;
    case NIKA_EVENT_APP:
        on_app(r, event);
        break;
    case NIKA_EVENT_INVOKE:
        break; /* For clients. */
    }
    if (r->core.amnesiac) hybster_remember(r);
    common_status_hurry(&r->core);
    common_store_note(&r->core);
    r->core.effects = NULL;
}

static void replica_status(const struct nika_replica *r, struct nika_replica_status *out)
{
    memset(out, 0, sizeof *out);
    out->view = r->core.view;
    out->active = r->core.active;
    out->transferring = r->core.transfer.active;
    out->amnesiac = r->core.amnesiac;
    out->low_mark = r->core.low_mark;
    out->last_executed = r->core.last_executed;
    out->last_committed = r->core.last_executed;
    for (uint64_t s = r->core.last_executed + 1;
         s - r->core.last_executed <= r->core.config->window; s++) {
        const struct hybster_slot *slot = &r->slots[s % r->core.config->window];
        if (slot->base.seq != s || !slot->base.committed) break;
        out->last_committed = s;
    }
    out->pending = r->core.pending.count;
    out->wait = hybster_wait(r, &out->wait_detail);
    for (uint32_t i = 0; i < r->core.n; i++)
        out->view_changes_held +=
            r->view_changes[i].frame != 0 && r->view_changes[i].view == r->core.view ? 1u : 0u;
    out->backoff = r->core.backoff;
}

const struct nika_replica_ops nika_replica_hybster = {
    .name = "hybster",
    .doc = "Hybster (Behl, Distler, Kapitza): 2f+1 replicas, each with a trusted subsystem",
    .messages = &hybster_messages,
    .hybrid = true,
    .check = replica_check,
    .size = replica_size,
    .used = replica_used,
    .init = replica_init,
    .recover = hybster_recover,
    .step = replica_step,
    .status = replica_status,
    .digest = hybster_digest,
    .describe = hybster_describe,
    .describe_record = hybster_describe_record,
    .timer_name = common_timer_name,
    .needs = hybster_needs,
    .lane = hybster_lane,
};
