/* faults/byzantine/lying_new_view.c: a corrupted new primary starts its view with false orders or a false set of proofs. */
#include "faults/support.h"

enum { PARAM_WHAT, PARAM_RATE, PARAM_COUNT };
enum { WHAT_ORDER, WHAT_DROPPED, WHAT_DUPLICATE, WHAT_ALONE, WHAT_REPEATED, WHAT_COUNT };
static const char *const what_names[] = {
    "altered-order",        "dropped-view-change",      "duplicate-view-change",
    "own-view-change-only", "own-view-change-repeated", NULL};
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "what",
     .doc = "Another order, one VIEW-CHANGE too few, one of them twice, or only an own, forgetful "
            "one, once or as often as a quorum needs.",
     .low = 0,
     .high = WHAT_COUNT - 1,
     .fallback = WHAT_ORDER,
     .names = what_names},
    FAULT_PARAM_RATE,
};

/* One more order than the proofs justify, or another digest for the last one. */
static bool alter_order(struct nika_fault *fault, struct nika_outgoing *out,
                        struct pbft_new_view *m, struct nika_writer *w)
{
    uint8_t nested[1024];
    struct nika_writer signer = nika_writer_of(nested, sizeof nested);
    struct pbft_pre_prepare order = {.view = m->view, .seq = 1};
    struct nika_span raw, last = {NULL, 0};
    struct nika_frame frame;
    uint32_t at = 0, drop = UINT32_MAX;
    while (nika_frames_next(&m->pre_prepares, &at, &raw)) last = raw;
    if (m->pre_prepares.count > 0) {
        if (nika_frame_parse(last, fault->host->config->epoch, NIKA_MESSAGE_SIZE_MAX, &frame) !=
            NIKA_OK)
            return false;
        if (nika_decode(&pbft_info_pre_prepare, frame.body, &order) != NIKA_OK) return false;
        drop = m->pre_prepares.count - 1;
    }
    fault_other_digest(&order.digest, &order.digest);
    struct nika_span lie =
        fault_sign_nested(fault, out->from, &pbft_info_pre_prepare, &order, &signer);
    if (lie.size == 0) return false;
    m->pre_prepares = fault_frames_edit(&m->pre_prepares, drop, UINT32_MAX, w);
    nika_frames_append(w, &m->pre_prepares, lie);
    return true;
}

/* V is one VIEW-CHANGE of the liar that hides everything prepared, `copies` times, and O follows from it: nothing. */
static bool stand_alone(struct nika_fault *fault, struct nika_outgoing *out,
                        struct pbft_new_view *m, uint32_t copies, struct nika_writer *w)
{
    struct pbft_view_change change = {0};
    struct nika_frame frame;
    struct nika_span raw;
    struct nika_list none = {0, {NULL, 0}}, proofs = {0, {NULL, 0}};
    uint8_t nested[FAULT_SCRATCH_SIZE / 4];
    struct nika_writer signer = nika_writer_of(nested, sizeof nested);
    uint32_t at = 0;
    while (nika_frames_next(&m->view_changes, &at, &raw)) {
        if (nika_frame_parse(raw, fault->host->config->epoch, NIKA_MESSAGE_SIZE_MAX, &frame) !=
                NIKA_OK ||
            frame.sender != out->from)
            continue;
        if (nika_decode(&pbft_info_view_change, frame.body, &change) != NIKA_OK) return false;
        change.prepared = none;
        struct nika_span own =
            fault_sign_nested(fault, out->from, &pbft_info_view_change, &change, &signer);
        if (own.size == 0) return false;
        for (uint32_t i = 0; i < copies; i++) nika_frames_append(w, &proofs, own);
        m->view_changes = proofs;
        m->pre_prepares = none;
        return true;
    }
    return false;
}

static void on_send(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct pbft_new_view m = {0};
    uint8_t lists[FAULT_SCRATCH_SIZE];
    struct nika_writer w = nika_writer_of(lists, sizeof lists);
    if (!fault_decode(fault, out, &pbft_info_new_view, &m)) return;
    if (!fault_rolls(fault, out, fault->params[PARAM_RATE])) return;
    bool altered = m.view_changes.count > 0;
    uint32_t last = altered ? m.view_changes.count - 1 : 0;
    if (fault->params[PARAM_WHAT] == WHAT_ORDER) {
        altered = alter_order(fault, out, &m, &w);
    } else if (fault->params[PARAM_WHAT] == WHAT_ALONE) {
        altered = stand_alone(fault, out, &m, 1, &w);
    } else if (fault->params[PARAM_WHAT] == WHAT_REPEATED) {
        altered = stand_alone(fault, out, &m, m.view_changes.count, &w);
    } else if (fault->params[PARAM_WHAT] == WHAT_DROPPED) {
        m.view_changes = fault_frames_edit(&m.view_changes, last, UINT32_MAX, &w);
    } else {
        m.view_changes = fault_frames_edit(&m.view_changes, UINT32_MAX, last, &w);
    }
    if (!altered || w.failed) return;
    if (fault_rewrite(fault, out, &pbft_info_new_view, &m)) nika_fault_acted(fault, out->from);
}

const struct nika_fault_ops nika_fault_lying_new_view = {
    .name = "lying-new-view",
    .doc = "A corrupted new primary starts its view with false orders or proofs.",
    .fault_class = NIKA_FAULT_BYZANTINE,
    .params = params,
    .param_count = PARAM_COUNT,
    .on_send = on_send,
};
