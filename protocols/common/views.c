/* protocols/common/views.c: VIEW-CHANGEs held, and T_vc (views.h). */
#include "protocols/common/views.h"

#include "protocols/common/output.h"

void common_view_change_forget(struct common_core *core, uint32_t sender)
{
    struct common_view_change *entry = &core->view_changes[sender];
    nika_store_free(core->store, entry->frame);
    memset(entry, 0, sizeof *entry);
    if (sender == core->self) {
        core->my_view_change = 0;
        core->my_view_change_durable = false;
    }
}

enum common_news common_view_change_news(struct common_core *core, const struct nika_frame *frame,
                                         uint64_t view)
{
    const struct common_view_change *entry = &core->view_changes[frame->sender];
    if (view < core->view || view < entry->view) {
        common_reject(core, NIKA_CHECK_VC3, frame->sender);
        return COMMON_NEWS_NONE;
    }
    if (view > entry->view || entry->frame == 0)
        return core->active && view == core->view ? COMMON_NEWS_NONE : COMMON_NEWS_FRESH;
    struct nika_frame held;
    enum nika_err err = nika_frame_parse(nika_store_span(core->store, entry->frame),
                                         core->config->epoch, NIKA_MESSAGE_SIZE_MAX, &held);
    NIKA_ASSERT(err == NIKA_OK);
    bool same = held.body.size == frame->body.size &&
                memcmp(held.body.data, frame->body.data, held.body.size) == 0;
    return same ? COMMON_NEWS_NONE : COMMON_NEWS_OTHER;
}

bool common_view_change_store(struct common_core *core, const struct nika_frame *frame,
                              uint64_t view, uint64_t from)
{
    common_view_change_forget(core, frame->sender);
    uint32_t handle = nika_store_put(core->store, frame->raw);
    if (handle == 0) return false;
    core->view_changes[frame->sender] =
        (struct common_view_change){.view = view, .from = from, .frame = handle};
    uint32_t count = 0;
    for (uint32_t i = 0; i < core->n; i++) count += core->view_changes[i].frame != 0 ? 1u : 0u;
    common_queue_note(core, NIKA_QUEUE_VIEW_CHANGES, count);
    return true;
}

void common_view_change_adopt(struct common_core *core, uint64_t view, uint64_t from,
                              uint32_t handle)
{
    common_view_change_forget(core, core->self);
    core->view_changes[core->self] =
        (struct common_view_change){.view = view, .from = from, .frame = handle};
    core->my_view_change = handle;
}

bool common_view_abdicated(const struct common_core *core, uint32_t sender, uint64_t view)
{
    return core->active && view > core->view && sender == common_primary(core, core->view);
}

void common_view_leave(struct common_core *core)
{
    if (!NIKA_PLANTED(PB26)) common_timer_stop(core, COMMON_TIMER_REQUEST);
    common_timer_stop(core, COMMON_TIMER_BATCH);
    common_timer_stop(core, COMMON_TIMER_VIEW);
    common_pending_unpropose(&core->pending);
}

static bool held(const struct common_core *core, uint32_t sender)
{
    const struct common_view_change *entry = &core->view_changes[sender];
    return entry->frame != 0 && entry->view == core->view;
}

uint32_t common_view_changes_held(const struct common_core *core)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < core->n; i++) count += held(core, i) ? 1u : 0u;
    return count;
}

void common_view_changes_map(const struct common_core *core, uint8_t *map)
{
    for (uint32_t i = 0; i < core->n; i++)
        if (held(core, i)) map[i / 8] |= (uint8_t)(1u << (i % 8));
}

uint64_t common_view_kth(const struct common_core *core, uint32_t k)
{
    uint64_t best = 0;
    for (uint32_t i = 0; i < core->n; i++) {
        uint64_t candidate = core->view_changes[i].view;
        uint32_t at_least = 0;
        for (uint32_t j = 0; j < core->n; j++)
            at_least += core->view_changes[j].view >= candidate ? 1u : 0u;
        if (at_least >= k && candidate > best) best = candidate;
    }
    return best;
}

/* In T_req. Each of f liars can make the leader give up its view once in that time, which costs one T_req at most. */
#define STRANDED_FACTOR 16u

void common_view_stranded_check(struct common_core *core)
{
    /* With f+1 of them this replica would have joined. */
    uint32_t stranded = 0;
    for (uint32_t i = 0; i < core->n; i++)
        stranded += i != core->self && core->view_changes[i].view > core->view ? 1u : 0u;
    if (stranded == 0 || stranded >= core->weak || !core->active || core->amnesiac ||
        !common_leading(core)) {
        core->stranded_since_ns = 0;
    } else if (core->stranded_since_ns == 0) {
        core->stranded_since_ns = core->now_ns;
    } else if (core->now_ns - core->stranded_since_ns >=
               STRANDED_FACTOR * core->config->request_ns) {
        REACHED(common_stranded_helped);
        core->stranded_since_ns = 0;
        core->hooks->suspect_primary(core);
    }
}

void common_view_timer_check(struct common_core *core)
{
    if (core->active || core->view_timer_view == core->view) return;
    if (common_view_kth(core, core->quorum) < core->view) return;
    core->view_timer_view = core->view;
    common_timer_start(core, COMMON_TIMER_VIEW, core->config->request_ns << core->backoff);
}
