/* protocols/common/dispatch.c: layout, dispatch and status of a replica of any protocol (dispatch.h). */
#include "protocols/common/dispatch.h"

#include "protocols/common/batcher.h"
#include "protocols/common/checkpoints.h"
#include "protocols/common/execute.h"
#include "protocols/common/fetch.h"
#include "protocols/common/intake.h"
#include "protocols/common/output.h"
#include "protocols/common/read_only.h"
#include "protocols/common/status.h"
#include "protocols/common/transfer.h"
#include "protocols/common/views.h"
#include "protocols/common/window.h"

/* ---- memory ---- */
size_t common_take(size_t *at, size_t size)
{
    size_t here = *at;
    *at = (here + size + 15u) & ~(size_t)15u;
    return here;
}

void common_layout(const struct nika_config *c, size_t own, uint32_t slot_size,
                   struct common_layout *out)
{
    size_t at = own;
    out->checkpoint_rows = c->window / c->checkpoint_interval + 1;
    out->slots = common_take(&at, (size_t)c->window * slot_size);
    out->checkpoints = common_take(&at, (size_t)c->n * (out->checkpoint_rows + 1) *
                                            sizeof(struct common_checkpoint_vote));
    out->view_changes = common_take(&at, c->n * sizeof(struct common_view_change));
    out->evidence = common_take(&at, c->n * sizeof(struct common_evidence));
    out->peers = common_take(&at, c->n * sizeof(struct common_peer));
    out->reads = common_take(&at, c->clients * sizeof(struct common_read));
    out->pending = common_take(&at, common_pending_size(c));
    out->replies = common_take(&at, common_reply_cache_size(c));
    out->store = common_take(&at, nika_store_size(c->store_bytes));
    out->total = at;
}

void common_init(struct common_core *core, const struct common_hooks *hooks,
                 const struct nika_config *config, const struct nika_host *host, void *base,
                 const struct common_layout *l, uint32_t slot_size, uint64_t reserve)
{
    uint8_t *memory = base;
    core->hooks = hooks;
    core->config = config;
    core->host = host;
    core->self = host->self;
    core->n = config->n;
    core->f = config->f;
    core->pillars = config->pillars;
    core->weak = common_weak(config->f);
    NIKA_ASSERT(core->self < core->n);
    core->checkpoint_rows = l->checkpoint_rows;
    core->slots = memory + l->slots;
    core->slot_size = slot_size;
    core->checkpoints = (struct common_checkpoint_vote *)(void *)(memory + l->checkpoints);
    core->view_changes = (struct common_view_change *)(void *)(memory + l->view_changes);
    core->evidence = (struct common_evidence *)(void *)(memory + l->evidence);
    core->peers = (struct common_peer *)(void *)(memory + l->peers);
    core->reads = (struct common_read *)(void *)(memory + l->reads);
    common_pending_init(&core->pending, config, memory + l->pending);
    common_reply_cache_init(&core->replies, config, memory + l->replies);
    core->pending.reserve =
        reserve < config->store_bytes / 2 ? (uint32_t)reserve : config->store_bytes / 2;
    core->store = nika_store_init(memory + l->store, config->store_bytes);
    core->active = true;
    common_next_past(core, 0);
}

static const struct common_core *core_of(const struct nika_replica *r)
{
    return (const struct common_core *)(const void *)r;
}

size_t common_used(const struct nika_replica *r)
{
    const struct common_core *core = core_of(r);
    return (size_t)((const uint8_t *)core->store - (const uint8_t *)core) +
           nika_store_used(core->store);
}

/* ---- events ---- */
static void on_message(struct common_core *core, const struct nika_frame *frame)
{
    switch (frame->type) {
    case COMMON_TYPE_request:
        common_on_request(core, frame);
        return;
    case COMMON_TYPE_batch:
        common_on_batch(core, frame);
        return;
    case COMMON_TYPE_fetch_batch:
        common_on_fetch_batch(core, frame);
        return;
    case COMMON_TYPE_fetch_meta:
        common_on_fetch_meta(core, frame);
        return;
    case COMMON_TYPE_meta:
        common_on_meta(core, frame);
        return;
    case COMMON_TYPE_fetch_chunk:
        common_on_fetch_chunk(core, frame);
        return;
    case COMMON_TYPE_chunk:
        common_on_chunk(core, frame);
        return;
    case COMMON_TYPE_no_snapshot:
        common_on_no_snapshot(core, frame);
        return;
    default:
        if (!core->hooks->message(core, frame)) common_reject(core, NIKA_CHECK_W0, frame->sender);
        return;
    }
}

static void on_timer(struct common_core *core, const struct nika_event *event)
{
    if (event->timer >= COMMON_TIMER_COUNT || !core->timer_armed[event->timer]) return;
    if (event->generation != core->timer_generation[event->timer]) return;
    core->timer_armed[event->timer] = false;
    switch ((enum common_timer)event->timer) {
    case COMMON_TIMER_REQUEST:
        common_request_expired(core);
        return;
    case COMMON_TIMER_VIEW:
        core->hooks->view_timer(core);
        return;
    case COMMON_TIMER_BATCH:
        common_batch_try_cut(core, true);
        return;
    case COMMON_TIMER_STATUS:
        common_status_timer(core);
        return;
    case COMMON_TIMER_FETCH:
        common_fetch_timer(core);
        return;
    case COMMON_TIMER_TRANSFER:
        common_transfer_timer(core);
        return;
    case COMMON_TIMER_LAG:
        common_lag_timer(core);
        return;
    case COMMON_TIMER_COUNT:
        return;
    }
}

uint64_t common_token_seq(const struct common_core *core, uint64_t token)
{
    switch (token >> 56) {
    case COMMON_TOKEN_CHUNK:
    case COMMON_TOKEN_QUERY:
        return common_token_number(token, 0); /* Places in tables. */
    case COMMON_TOKEN_TRANSFER_SAVED:
    case COMMON_TOKEN_RESTORE:
        return common_token_number(token, core->transfer.seq);
    case COMMON_TOKEN_SNAPSHOT_SAVED:
    case COMMON_TOKEN_STABLE:
    case COMMON_TOKEN_EXECUTE:
    case COMMON_TOKEN_SNAPSHOT:
        return common_token_number(token, core->low_mark);
    default:
        return common_token_number(token, core->hooks->token_near(core, (uint32_t)(token >> 56)));
    }
}

static void on_stored(struct common_core *core, const struct nika_event *event)
{
    uint32_t kind = (uint32_t)(event->token >> 56);
    uint64_t seq = common_token_seq(core, event->token);
    if (kind == COMMON_TOKEN_TRANSFER_SAVED) {
        common_transfer_saved(core, seq, event->status);
    } else if (kind == COMMON_TOKEN_SNAPSHOT_SAVED) {
        if (event->status == 0) common_snapshot_saved(core, seq);
    } else if (kind == COMMON_TOKEN_STABLE) {
        if (event->status == 0) common_stable_stored(core, seq);
    } else {
        core->hooks->stored(core, kind, (uint16_t)(event->token >> 40), seq, event->status);
    }
}

static void on_app(struct common_core *core, const struct nika_event *event)
{
    uint32_t kind = (uint32_t)(event->token >> 56);
    uint16_t generation = (uint16_t)(event->token >> 40);
    uint64_t seq = common_token_seq(core, event->token);
    /* A chunk is what it is whatever was executed since; its proof tells. */
    if (kind == COMMON_TOKEN_CHUNK)
        common_chunk_ready(core, (uint32_t)seq, event->status, event->bytes);
    if (kind == COMMON_TOKEN_QUERY && seq < core->config->clients)
        common_read_done(core, (uint32_t)seq, generation, event->status, event->bytes);
    if (generation != core->exec_generation) return;
    if (kind == COMMON_TOKEN_EXECUTE) common_executed(core, seq, event->bytes);
    if (kind == COMMON_TOKEN_SNAPSHOT) common_snapshot_meta(core, seq, event->bytes);
    if (kind == COMMON_TOKEN_RESTORE) common_restored(core, seq, event->status, event->bytes);
}

void common_step(struct nika_replica *r, const struct nika_event *event,
                 struct nika_effects *effects)
{
    struct common_core *core = (struct common_core *)(void *)r;
    core->now_ns = event->now_ns;
    core->effects = effects;
    switch (event->kind) {
    case NIKA_EVENT_START:
        core->hooks->start(core);
        break;
    case NIKA_EVENT_MESSAGE:
        on_message(core, event->frame);
        break;
    case NIKA_EVENT_TIMER:
        on_timer(core, event);
        break;
    case NIKA_EVENT_STORED:
        on_stored(core, event);
        break;
    case NIKA_EVENT_APP:
        on_app(core, event);
        break;
    case NIKA_EVENT_CERTIFIED:
        if (core->hooks->certified != NULL)
            core->hooks->certified(core, (uint16_t)(event->token >> 40),
                                   common_token_seq(core, event->token),
                                   (enum nika_err)event->status, event->bytes);
        break;
    case NIKA_EVENT_INVOKE:
        break; /* For clients. */
    }
    if (core->hooks->after != NULL) core->hooks->after(core);
    common_status_hurry(core);
    common_store_note(core);
    core->effects = NULL;
}

/* ---- status ---- */
void common_status(const struct nika_replica *r, struct nika_replica_status *out)
{
    const struct common_core *core = core_of(r);
    memset(out, 0, sizeof *out);
    out->view = core->view;
    out->active = core->active;
    out->transferring = core->transfer.active;
    out->amnesiac = core->amnesiac;
    out->low_mark = core->low_mark;
    out->last_executed = core->last_executed;
    out->last_committed = core->last_executed;
    for (uint64_t s = core->last_executed + 1; s - core->last_executed <= core->config->window;
         s++) {
        const struct common_slot *slot = common_slot_place(core, s);
        if (slot->seq != s || !slot->committed) break;
        out->last_committed = s;
    }
    out->pending = core->pending.count;
    out->wait = common_wait(core, &out->wait_detail);
    out->view_changes_held = common_view_changes_held(core);
    out->backoff = core->backoff;
}
