/* faults/byzantine/equivocate.c: corrupted replicas tell some receivers one thing and the others a conflicting one, validly
 * signed; the lie about one subject is the same for everybody on the other side. */
#include "faults/byzantine/batch_forge.h"

enum { PARAM_WHAT, PARAM_SPLIT, PARAM_BURST, PARAM_RATE, PARAM_COUNT };
enum {
    WHAT_PRE_PREPARE,
    WHAT_PREPARE,
    WHAT_COMMIT,
    WHAT_CHECKPOINT,
    WHAT_VIEW_CHANGE,
    WHAT_NEW_VIEW,
    WHAT_ALL,
    WHAT_COUNT
};
static const char *const what_names[] = {"pre-prepare", "prepare",  "commit", "checkpoint",
                                         "view-change", "new-view", "all",    NULL};
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "what",
     .doc = "Which messages conflict.",
     .low = 0,
     .high = WHAT_COUNT - 1,
     .fallback = WHAT_PRE_PREPARE,
     .names = what_names},
    FAULT_PARAM_SPLIT("Replicas with this index or above get the other version.", 2),
    {.name = "burst",
     .doc = "1: all corrupted replicas vote for the other batch at once.",
     .low = 0,
     .high = 1,
     .fallback = 1},
    FAULT_PARAM_RATE,
};
struct state {
    struct forge forge;
    struct fault_once once;
};

/* Another real batch: without the last request, or with another agreed time, by the number of requests alone so
 * that every receiver on the other side gets the same one. */
static bool make(struct nika_fault *fault, const struct nika_outgoing *out,
                 const struct common_batch *honest, struct nika_writer *scratch,
                 struct common_batch *lie)
{
    (void)fault;
    (void)out;
    if (honest->requests.count < 2) {
        lie->time_ns = honest->time_ns + 1;
        return true;
    }
    lie->requests =
        fault_frames_edit(&honest->requests, honest->requests.count - 1, UINT32_MAX, scratch);
    return true;
}

static bool other_vote(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct pbft_prepare prepare = {0};
    struct pbft_commit commit = {0};
    struct pbft_checkpoint checkpoint = {0};
    switch (out->type) {
    case PBFT_TYPE_prepare:
        if (!fault_decode(fault, out, &pbft_info_prepare, &prepare)) return false;
        fault_other_digest(&prepare.digest, &prepare.digest);
        return fault_rewrite(fault, out, &pbft_info_prepare, &prepare);
    case PBFT_TYPE_commit:
        if (!fault_decode(fault, out, &pbft_info_commit, &commit)) return false;
        fault_other_digest(&commit.digest, &commit.digest);
        return fault_rewrite(fault, out, &pbft_info_commit, &commit);
    case PBFT_TYPE_checkpoint:
        if (!fault_decode(fault, out, &pbft_info_checkpoint, &checkpoint)) return false;
        fault_other_digest(&checkpoint.digest, &checkpoint.digest);
        return fault_rewrite(fault, out, &pbft_info_checkpoint, &checkpoint);
    default:
        return false;
    }
}

/* Hide what was prepared; with nothing prepared, claim that no checkpoint is stable; with neither, ask for the next view. */
static bool other_view_change(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct pbft_view_change m = {0};
    struct nika_list none = {0, {NULL, 0}};
    if (!fault_decode(fault, out, &pbft_info_view_change, &m)) return false;
    if (m.prepared.count > 0) {
        m.prepared = none;
    } else if (m.low_mark > 0) {
        m.low_mark = 0;
        m.checkpoints = none;
    } else {
        m.view++;
    }
    return fault_rewrite(fault, out, &pbft_info_view_change, &m);
}

/* The last order changes its digest, signed as a PRE-PREPARE; without orders, the last VIEW-CHANGE is left out. */
static bool other_new_view(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct pbft_new_view m = {0};
    struct pbft_pre_prepare order = {0};
    struct nika_frame frame;
    struct nika_span raw, last = {NULL, 0};
    uint8_t nested[1024], lists[FAULT_SCRATCH_SIZE];
    struct nika_writer w = nika_writer_of(lists, sizeof lists);
    struct nika_writer signer = nika_writer_of(nested, sizeof nested);
    uint32_t at = 0;
    if (!fault_decode(fault, out, &pbft_info_new_view, &m)) return false;
    if (m.pre_prepares.count == 0) {
        if (m.view_changes.count == 0) return false;
        m.view_changes =
            fault_frames_edit(&m.view_changes, m.view_changes.count - 1, UINT32_MAX, &w);
        return !w.failed && fault_rewrite(fault, out, &pbft_info_new_view, &m);
    }
    while (nika_frames_next(&m.pre_prepares, &at, &raw)) last = raw;
    if (nika_frame_parse(last, fault->host->config->epoch, NIKA_MESSAGE_SIZE_MAX, &frame) !=
        NIKA_OK)
        return false;
    if (nika_decode(&pbft_info_pre_prepare, frame.body, &order) != NIKA_OK) return false;
    fault_other_digest(&order.digest, &order.digest);
    struct nika_span lie =
        fault_sign_nested(fault, out->from, &pbft_info_pre_prepare, &order, &signer);
    if (lie.size == 0) return false;
    m.pre_prepares = fault_frames_edit(&m.pre_prepares, m.pre_prepares.count - 1, UINT32_MAX, &w);
    nika_frames_append(&w, &m.pre_prepares, lie);
    return !w.failed && fault_rewrite(fault, out, &pbft_info_new_view, &m);
}

static bool wanted(const struct nika_fault *fault, uint8_t type)
{
    uint64_t what = fault->params[PARAM_WHAT];
    switch (type) {
    case PBFT_TYPE_prepare:
        return what == WHAT_PREPARE || what == WHAT_ALL;
    case PBFT_TYPE_commit:
        return what == WHAT_COMMIT || what == WHAT_ALL;
    case PBFT_TYPE_checkpoint:
        return what == WHAT_CHECKPOINT || what == WHAT_ALL;
    case PBFT_TYPE_view_change:
        return what == WHAT_VIEW_CHANGE || what == WHAT_ALL;
    case PBFT_TYPE_new_view:
        return what == WHAT_NEW_VIEW || what == WHAT_ALL;
    default:
        return false;
    }
}

static void on_send(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct state *s = fault->state;
    uint64_t what = fault->params[PARAM_WHAT], rate = fault->params[PARAM_RATE];
    if (what == WHAT_PRE_PREPARE || what == WHAT_ALL) {
        struct forge_options options = {.make = make,
                                        .split = fault->params[PARAM_SPLIT],
                                        .rate_ppm = rate,
                                        .burst = fault->params[PARAM_BURST] != 0};
        forge_on_send(fault, &s->forge, &options, out);
        /* A vote that now supports the other batch is lie enough. */
        if (out->changed || out->drop) return;
    }
    if (!wanted(fault, out->type) || nika_is_client(out->to)) return;
    if (!fault_other_side(out->to, fault->params[PARAM_SPLIT])) return;
    if (!fault_rolls_once(fault, &s->once, out, rate)) return;
    bool lied = other_vote(fault, out);
    if (out->type == PBFT_TYPE_view_change) lied = other_view_change(fault, out);
    if (out->type == PBFT_TYPE_new_view) lied = other_new_view(fault, out);
    if (lied) nika_fault_acted(fault, out->from);
}

const struct nika_fault_ops nika_fault_equivocate = {
    .name = "equivocate",
    .doc = "Corrupted replicas send conflicting, validly signed messages to two sides.",
    .fault_class = NIKA_FAULT_BYZANTINE,
    .params = params,
    .param_count = PARAM_COUNT,
    .state_size = sizeof(struct state),
    .on_send = on_send,
};
