/* protocols/pbft/replica.c: one PBFT replica as a module: memory layout, event dispatch, status and state hash (PROTOCOLS.md 1, 4).
 *
 * Owns the layout of all memory and decides which file an event goes to. Stale timers, stale completions of a view or of an
 * execution that was left are dropped here, so no handler has to think of them. */
#include "protocols/pbft/describe.h"
#include "protocols/pbft/state.h"

/* Where each part of a replica's memory begins. The store is last, so that what is in use is a prefix. */
struct layout {
    size_t slots, votes, checkpoints, view_changes, evidence, peers, reads, pending, replies, store,
        total;
    uint32_t vote_stride, checkpoint_rows;
};

static size_t take(size_t *at, size_t size)
{
    size_t here = *at;
    *at = (here + size + 15u) & ~(size_t)15u;
    return here;
}

static void pbft_layout(const struct nika_config *c, struct layout *l)
{
    size_t at = 0;
    uint32_t vote = (uint32_t)sizeof(struct pbft_vote) + nika_suite_signature_size(c->suite);
    l->vote_stride = (vote + 3u) & ~3u;
    l->checkpoint_rows = c->window / c->checkpoint_interval + 1;
    (void)take(&at, sizeof(struct nika_replica));
    l->slots = take(&at, c->window * sizeof(struct pbft_slot));
    l->votes = take(&at, (size_t)c->window * PBFT_PHASES * c->n * l->vote_stride);
    l->checkpoints =
        take(&at, (size_t)c->n * (l->checkpoint_rows + 1) * sizeof(struct pbft_checkpoint_vote));
    l->view_changes = take(&at, c->n * sizeof(struct pbft_view_change_entry));
    l->evidence = take(&at, c->n * sizeof(struct pbft_evidence));
    l->peers = take(&at, c->n * sizeof(struct pbft_peer));
    l->reads = take(&at, c->clients * sizeof(struct pbft_read));
    l->pending = take(&at, common_pending_size(c));
    l->replies = take(&at, common_reply_cache_size(c));
    l->store = take(&at, nika_store_size(c->store_bytes));
    l->total = at;
}

static const char *replica_check(const struct nika_config *config)
{
    return config->n >= 3 * config->f + 1 ? NULL : "PBFT needs n >= 3f+1 replicas";
}

static size_t replica_size(const struct nika_config *config)
{
    struct layout l;
    pbft_layout(config, &l);
    return l.total;
}

static size_t replica_used(const struct nika_replica *r)
{
    return (size_t)((const uint8_t *)r->store - (const uint8_t *)r) + nika_store_used(r->store);
}

static struct nika_replica *replica_init(void *memory, const struct nika_config *config,
                                         const struct nika_host *host)
{
    struct nika_replica *r = memory;
    uint8_t *base = memory;
    struct layout l;
    pbft_layout(config, &l);
    r->config = config;
    r->host = host;
    r->self = host->self;
    r->n = config->n;
    r->f = config->f;
    r->quorum = common_quorum(config->n, config->f);
    r->weak = common_weak(config->f);
    NIKA_ASSERT(r->self < r->n);
    r->vote_stride = l.vote_stride;
    r->checkpoint_rows = l.checkpoint_rows;
    r->slots = (struct pbft_slot *)(void *)(base + l.slots);
    r->votes = base + l.votes;
    r->checkpoints = (struct pbft_checkpoint_vote *)(void *)(base + l.checkpoints);
    r->view_changes = (struct pbft_view_change_entry *)(void *)(base + l.view_changes);
    r->evidence = (struct pbft_evidence *)(void *)(base + l.evidence);
    r->peers = (struct pbft_peer *)(void *)(base + l.peers);
    r->reads = (struct pbft_read *)(void *)(base + l.reads);
    common_pending_init(&r->pending, config, base + l.pending);
    common_reply_cache_init(&r->replies, config, base + l.replies);
    /* VIEW-CHANGEs and NEW-VIEWs, entered, awaited and being built, rounded up as the store does. */
    uint64_t reserve = 8u * (uint64_t)pbft_new_view_size_max(config);
    r->pending.reserve =
        reserve < config->store_bytes / 2 ? (uint32_t)reserve : config->store_bytes / 2;
    r->store = nika_store_init(base + l.store, config->store_bytes);
    r->active = true;
    r->next_seq = 1;
    return r;
}

static void on_message(struct nika_replica *r, const struct nika_frame *frame)
{
    switch (frame->type) {
    case COMMON_TYPE_request:
        pbft_on_request(r, frame);
        return;
    case COMMON_TYPE_batch:
        pbft_on_batch(r, frame);
        return;
    case COMMON_TYPE_fetch_batch:
        pbft_on_fetch_batch(r, frame);
        return;
    case COMMON_TYPE_fetch_meta:
        pbft_on_fetch_meta(r, frame);
        return;
    case COMMON_TYPE_meta:
        pbft_on_meta(r, frame);
        return;
    case COMMON_TYPE_fetch_chunk:
        pbft_on_fetch_chunk(r, frame);
        return;
    case COMMON_TYPE_chunk:
        pbft_on_chunk(r, frame);
        return;
    case COMMON_TYPE_no_snapshot:
        pbft_on_no_snapshot(r, frame);
        return;
    case PBFT_TYPE_pre_prepare:
        pbft_on_pre_prepare(r, frame);
        return;
    case PBFT_TYPE_prepare:
        pbft_on_prepare(r, frame);
        return;
    case PBFT_TYPE_commit:
        pbft_on_commit(r, frame);
        return;
    case PBFT_TYPE_commit_cert:
        pbft_on_commit_cert(r, frame);
        return;
    case PBFT_TYPE_checkpoint:
        pbft_on_checkpoint(r, frame);
        return;
    case PBFT_TYPE_view_change:
        pbft_on_view_change(r, frame);
        return;
    case PBFT_TYPE_new_view:
        pbft_on_new_view(r, frame);
        return;
    case PBFT_TYPE_status:
        pbft_on_status(r, frame);
        return;
    default:
        pbft_reject(r, NIKA_CHECK_W0, frame->sender);
        return;
    }
}

static void on_timer(struct nika_replica *r, const struct nika_event *event)
{
    if (event->timer >= PBFT_TIMER_COUNT || !r->timer_armed[event->timer]) return;
    if (event->generation != r->timer_generation[event->timer]) return;
    r->timer_armed[event->timer] = false;
    switch ((enum pbft_timer)event->timer) {
    case PBFT_TIMER_REQUEST:
        pbft_request_expired(r);
        return;
    case PBFT_TIMER_VIEW:
        pbft_view_timer(r);
        return;
    case PBFT_TIMER_BATCH:
        pbft_batch_try_cut(r, true);
        return;
    case PBFT_TIMER_STATUS:
        pbft_status_timer(r);
        return;
    case PBFT_TIMER_FETCH:
        pbft_fetch_timer(r);
        return;
    case PBFT_TIMER_TRANSFER:
        pbft_transfer_timer(r);
        return;
    case PBFT_TIMER_LAG:
        pbft_lag_timer(r);
        return;
    case PBFT_TIMER_COUNT:
        return;
    }
}

static void persist_refused(struct nika_replica *r, enum pbft_token kind, uint64_t seq)
{
    if (kind != PBFT_TOKEN_PROPOSAL && kind != PBFT_TOKEN_PREPARED) return;
    struct pbft_slot *slot = pbft_slot_find(r, seq);
    if (slot != NULL) slot->persist_failed = true;
}

static void on_stored(struct nika_replica *r, const struct nika_event *event)
{
    enum pbft_token kind = (enum pbft_token)(event->token >> 56);
    uint16_t generation = (uint16_t)(event->token >> 40);
    uint64_t seq = event->token & ((UINT64_C(1) << 40) - 1);
    if (kind == PBFT_TOKEN_TRANSFER_SAVED) {
        pbft_transfer_saved(r, seq, event->status);
    } else if (event->status != 0) {
        if (generation == r->view_generation) persist_refused(r, kind, seq);
    } else if (kind == PBFT_TOKEN_SNAPSHOT_SAVED) {
        pbft_snapshot_saved(r, seq);
    } else if (kind == PBFT_TOKEN_STABLE) {
        pbft_stable_stored(r, seq);
    } else if (generation != r->view_generation) {
        return; /* A vote of a view that was left (INV-VCM). */
    } else if (kind == PBFT_TOKEN_PROPOSAL) {
        pbft_proposal_stored(r, seq);
    } else if (kind == PBFT_TOKEN_PREPARED) {
        pbft_prepared_stored(r, seq);
    } else if (kind == PBFT_TOKEN_VIEW_CHANGE) {
        pbft_view_change_stored(r, seq);
    } else if (kind == PBFT_TOKEN_NEW_VIEW) {
        pbft_new_view_stored(r, seq);
    }
}

static void on_app(struct nika_replica *r, const struct nika_event *event)
{
    enum pbft_token kind = (enum pbft_token)(event->token >> 56);
    uint16_t generation = (uint16_t)(event->token >> 40);
    uint64_t seq = event->token & ((UINT64_C(1) << 40) - 1);
    /* A chunk is what it is whatever was executed since; its proof tells. */
    if (kind == PBFT_TOKEN_CHUNK) {
        pbft_chunk_ready(r, (uint32_t)seq, event->status, event->bytes);
        return;
    }
    if (generation != r->exec_generation) {
        /* The client asks again; what its read saw is no longer this replica's state. */
        if (kind == PBFT_TOKEN_QUERY && seq < r->config->clients) r->reads[seq].timestamp = 0;
        return;
    }
    if (kind == PBFT_TOKEN_EXECUTE) pbft_executed(r, seq, event->bytes);
    if (kind == PBFT_TOKEN_SNAPSHOT) pbft_snapshot_meta(r, seq, event->bytes);
    if (kind == PBFT_TOKEN_RESTORE) pbft_restored(r, seq, event->status, event->bytes);
    if (kind != PBFT_TOKEN_QUERY || seq >= r->config->clients) return;
    if (event->status != 0) {
        pbft_reject(r, NIKA_CHECK_RO1, nika_client_node((uint32_t)seq));
        r->reads[seq].timestamp = 0;
        return;
    }
    pbft_read_only_done(r, (uint32_t)seq, event->bytes);
}

/* Reported in sixteenths of the store, so that a filling store costs a handful of notes. */
static void store_note(struct nika_replica *r)
{
    uint64_t level = (uint64_t)r->store->peak * 16 / r->config->store_bytes;
    uint64_t noted = (uint64_t)r->queue_peak[NIKA_QUEUE_STORE_BYTES] * 16 / r->config->store_bytes;
    if (level > noted) pbft_queue_note(r, NIKA_QUEUE_STORE_BYTES, r->store->peak);
}

static void replica_step(struct nika_replica *r, const struct nika_event *event,
                         struct nika_effects *effects)
{
    r->now_ns = event->now_ns;
    r->effects = effects;
    switch (event->kind) {
    case NIKA_EVENT_START:
        pbft_start(r);
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
    pbft_status_hurry(r);
    store_note(r);
    r->effects = NULL;
}

static void replica_status(const struct nika_replica *r, struct nika_replica_status *out)
{
    memset(out, 0, sizeof *out);
    out->view = r->view;
    out->active = r->active;
    out->transferring = r->transfer.active;
    out->low_mark = r->low_mark;
    out->last_executed = r->last_executed;
    out->last_committed = r->last_executed;
    for (uint64_t s = r->last_executed + 1; s - r->last_executed <= r->config->window; s++) {
        const struct pbft_slot *slot = &r->slots[s % r->config->window];
        if (slot->seq != s || !slot->committed) break;
        out->last_committed = s;
    }
    out->pending = r->pending.count;
    out->wait = pbft_wait(r, &out->wait_detail);
    for (uint32_t i = 0; i < r->n; i++)
        out->view_changes_held +=
            r->view_changes[i].frame != 0 && r->view_changes[i].view == r->view ? 1u : 0u;
    out->backoff = r->backoff;
}

const struct nika_replica_ops nika_replica_pbft = {
    .name = "pbft",
    .doc = "Practical Byzantine Fault Tolerance (Castro & Liskov), signature variant",
    .messages = &pbft_messages,
    .check = replica_check,
    .size = replica_size,
    .used = replica_used,
    .init = replica_init,
    .recover = pbft_recover,
    .step = replica_step,
    .status = replica_status,
    .digest = pbft_digest,
    .describe = pbft_describe,
    .describe_record = pbft_describe_record,
};
