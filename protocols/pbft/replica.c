/* protocols/pbft/replica.c: one PBFT replica as a module: memory layout, event dispatch, status and state hash (PROTOCOLS.md 1, 4).
 *
 * Owns the layout of all memory and decides which file an event goes to. Stale timers, stale completions of a view or of an
 * execution that was left are dropped here, so no handler has to think of them. */
#include "protocols/common/batcher.h"
#include "protocols/common/execute.h"
#include "protocols/common/fetch.h"
#include "protocols/common/intake.h"
#include "protocols/common/status.h"
#include "protocols/common/transfer.h"
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
        take(&at, (size_t)c->n * (l->checkpoint_rows + 1) * sizeof(struct common_checkpoint_vote));
    l->view_changes = take(&at, c->n * sizeof(struct pbft_view_change_entry));
    l->evidence = take(&at, c->n * sizeof(struct common_evidence));
    l->peers = take(&at, c->n * sizeof(struct common_peer));
    l->reads = take(&at, c->clients * sizeof(struct pbft_read));
    l->pending = take(&at, common_pending_size(c));
    l->replies = take(&at, common_reply_cache_size(c));
    l->store = take(&at, nika_store_size(c->store_bytes));
    l->total = at;
}

static const char *replica_check(const struct nika_config *config)
{
    if (config->pillars != 1) return "PBFT has one pillar: pillars must be 1";
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
    return (size_t)((const uint8_t *)r->core.store - (const uint8_t *)r) +
           nika_store_used(r->core.store);
}

static struct nika_replica *replica_init(void *memory, const struct nika_config *config,
                                         const struct nika_host *host)
{
    struct nika_replica *r = memory;
    uint8_t *base = memory;
    struct layout l;
    pbft_layout(config, &l);
    r->core.hooks = &pbft_hooks;
    r->core.config = config;
    r->core.host = host;
    r->core.self = host->self;
    r->core.n = config->n;
    r->core.f = config->f;
    r->core.pillars = 1;
    r->core.quorum = NIKA_PLANTED(B03) ? 2 * config->f + 1 : common_quorum(config->n, config->f);
    r->core.weak = common_weak(config->f);
    r->core.stable_need = NIKA_PLANTED(B32) ? r->core.weak : r->core.quorum;
    NIKA_ASSERT(r->core.self < r->core.n);
    r->vote_stride = l.vote_stride;
    r->core.checkpoint_rows = l.checkpoint_rows;
    r->core.slots = base + l.slots;
    r->core.slot_size = sizeof(struct pbft_slot);
    r->slots = (struct pbft_slot *)(void *)r->core.slots;
    r->votes = base + l.votes;
    r->core.checkpoints = (struct common_checkpoint_vote *)(void *)(base + l.checkpoints);
    r->view_changes = (struct pbft_view_change_entry *)(void *)(base + l.view_changes);
    r->core.evidence = (struct common_evidence *)(void *)(base + l.evidence);
    r->core.peers = (struct common_peer *)(void *)(base + l.peers);
    r->reads = (struct pbft_read *)(void *)(base + l.reads);
    common_pending_init(&r->core.pending, config, base + l.pending);
    common_reply_cache_init(&r->core.replies, config, base + l.replies);
    /* VIEW-CHANGEs and NEW-VIEWs, entered, awaited and being built, rounded up as the store does. */
    uint64_t reserve = 8u * (uint64_t)pbft_new_view_size_max(config);
    r->core.pending.reserve =
        reserve < config->store_bytes / 2 ? (uint32_t)reserve : config->store_bytes / 2;
    r->core.store = nika_store_init(base + l.store, config->store_bytes);
    r->core.active = true;
    r->core.next_seq[0] = 1;
    return r;
}

static void on_message(struct nika_replica *r, const struct nika_frame *frame)
{
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
        common_on_checkpoint(&r->core, frame);
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
        pbft_view_timer(r);
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

/* A token has room for 40 bits of its number; where it belongs says the rest. */
static uint64_t number_of(const struct nika_replica *r, uint64_t token)
{
    switch (token >> 56) {
    case COMMON_TOKEN_CHUNK:
    case COMMON_TOKEN_QUERY:
        return common_token_number(token, 0); /* Places in tables. */
    case COMMON_TOKEN_TRANSFER_SAVED:
    case COMMON_TOKEN_RESTORE:
        return common_token_number(token, r->core.transfer.seq);
    case PBFT_TOKEN_VIEW_CHANGE:
    case PBFT_TOKEN_NEW_VIEW:
        return common_token_number(token, r->core.view);
    default:
        return common_token_number(token, r->core.low_mark);
    }
}

static void persist_refused(struct nika_replica *r, uint32_t kind, uint64_t seq)
{
    if (kind != PBFT_TOKEN_PROPOSAL && kind != PBFT_TOKEN_PREPARED) return;
    struct pbft_slot *slot = pbft_slot_find(r, seq);
    if (slot != NULL) slot->persist_failed = true;
}

static void on_stored(struct nika_replica *r, const struct nika_event *event)
{
    uint32_t kind = (uint32_t)(event->token >> 56);
    uint16_t generation = (uint16_t)(event->token >> 40);
    uint64_t seq = number_of(r, event->token);
    if (kind == COMMON_TOKEN_TRANSFER_SAVED) {
        common_transfer_saved(&r->core, seq, event->status);
    } else if (event->status != 0) {
        if (generation == r->view_generation) persist_refused(r, kind, seq);
    } else if (kind == COMMON_TOKEN_SNAPSHOT_SAVED) {
        common_snapshot_saved(&r->core, seq);
    } else if (kind == COMMON_TOKEN_STABLE) {
        common_stable_stored(&r->core, seq);
    } else if (!NIKA_PLANTED(I05) && generation != r->view_generation) {
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
    uint32_t kind = (uint32_t)(event->token >> 56);
    uint16_t generation = (uint16_t)(event->token >> 40);
    uint64_t seq = number_of(r, event->token);
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
    pbft_read_only_done(r, (uint32_t)seq, event->bytes);
}

static void replica_step(struct nika_replica *r, const struct nika_event *event,
                         struct nika_effects *effects)
{
    r->core.now_ns = event->now_ns;
    r->core.effects = effects;
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
        const struct pbft_slot *slot = &r->slots[s % r->core.config->window];
        if (slot->base.seq != s || !slot->base.committed) break;
        out->last_committed = s;
    }
    out->pending = r->core.pending.count;
    out->wait = pbft_wait(r, &out->wait_detail);
    for (uint32_t i = 0; i < r->core.n; i++)
        out->view_changes_held +=
            r->view_changes[i].frame != 0 && r->view_changes[i].view == r->core.view ? 1u : 0u;
    out->backoff = r->core.backoff;
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
    .needs = pbft_needs,
    .timer_name = common_timer_name,
};
