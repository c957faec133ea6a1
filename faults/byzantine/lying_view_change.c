/* faults/byzantine/lying_view_change.c: corrupted replicas lie in VIEW-CHANGE about what they had prepared or checkpointed. */
#include "faults/support.h"

enum { PARAM_WHAT, PARAM_RATE, PARAM_COUNT };
enum { WHAT_EMPTY, WHAT_FORGED, WHAT_INFLATED, WHAT_COUNT };
static const char *const what_names[] = {"empty-prepared", "forged-certificate",
                                         "inflated-low-mark", NULL};
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "what",
     .doc = "Hide what was prepared, invent a certificate, or claim a later checkpoint.",
     .low = 0,
     .high = WHAT_COUNT - 1,
     .fallback = WHAT_EMPTY,
     .names = what_names},
    FAULT_PARAM_RATE,
};

/* The only certificate is for an order and a PREPARE that the liar signed itself. */
static bool forge(struct nika_fault *fault, struct nika_outgoing *out, struct pbft_view_change *m)
{
    uint8_t frames[2048], list[4096], prepares[2048];
    struct nika_writer fw = nika_writer_of(frames, sizeof frames);
    struct nika_writer pw = nika_writer_of(prepares, sizeof prepares);
    struct nika_writer lw = nika_writer_of(list, sizeof list);
    struct pbft_pre_prepare order = {.view = m->view > 0 ? m->view - 1 : 0, .seq = m->low_mark + 1};
    struct pbft_certificate certificate = {.prepares = {0, {NULL, 0}}};
    fault_other_digest(&order.digest, &order.digest);
    struct pbft_prepare vote = {.view = order.view, .seq = order.seq, .digest = order.digest};
    certificate.pre_prepare =
        fault_sign_nested(fault, out->from, &pbft_info_pre_prepare, &order, &fw);
    struct nika_span prepare = fault_sign_nested(fault, out->from, &pbft_info_prepare, &vote, &fw);
    if (certificate.pre_prepare.size == 0 || prepare.size == 0) return false;
    nika_frames_append(&pw, &certificate.prepares, prepare);
    m->prepared = (struct nika_list){0, {NULL, 0}};
    nika_list_append(&lw, &m->prepared, &pbft_info_certificate, &certificate);
    if (pw.failed || lw.failed) return false;
    return fault_rewrite(fault, out, &pbft_info_view_change, m);
}

static void on_send(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct pbft_view_change m = {0};
    bool lied = false;
    if (!fault_decode(fault, out, &pbft_info_view_change, &m)) return;
    if (fault->params[PARAM_WHAT] == WHAT_EMPTY && m.prepared.count == 0) return;
    if (!fault_rolls(fault, out, fault->params[PARAM_RATE])) return;
    switch (fault->params[PARAM_WHAT]) {
    case WHAT_EMPTY:
        m.prepared = (struct nika_list){0, {NULL, 0}};
        lied = fault_rewrite(fault, out, &pbft_info_view_change, &m);
        break;
    case WHAT_FORGED:
        lied = forge(fault, out, &m);
        break;
    default:
        m.low_mark += fault->host->config->checkpoint_interval;
        m.prepared = (struct nika_list){0, {NULL, 0}};
        lied = fault_rewrite(fault, out, &pbft_info_view_change, &m);
        break;
    }
    if (lied) nika_fault_acted(fault, out->from);
}

const struct nika_fault_ops nika_fault_lying_view_change = {
    .name = "lying-view-change",
    .doc = "Corrupted replicas lie in VIEW-CHANGE about what they had prepared.",
    .fault_class = NIKA_FAULT_BYZANTINE,
    .params = params,
    .param_count = PARAM_COUNT,
    .on_send = on_send,
};
