/* faults/support.c: shared helpers of faults; see support.h. */
#include "faults/support.h"
#include "engine/core/planted.h"

#include "engine/core/digest.h"

const char *const fault_type_names[] = {
    "all",        "request",     "reply",    "pre-prepare", "batch",    "prepare", "commit",
    "checkpoint", "view-change", "new-view", "status",      "transfer", NULL};

static uint32_t node_code(uint32_t node)
{
    return nika_is_client(node) ? 0x8000u | (node & 0x7fffu) : node & 0x7fffu;
}

uint32_t fault_link_code(uint32_t from, uint32_t to)
{
    return node_code(from) << 16 | node_code(to);
}

static uint64_t view_of(const struct nika_outgoing *out)
{
    return out->summary == NULL ? 0 : out->summary->view;
}

static uint64_t seq_of(const struct nika_outgoing *out)
{
    return out->summary == NULL ? 0 : out->summary->seq;
}

bool fault_rolls(struct nika_fault *fault, const struct nika_outgoing *out, uint64_t ppm)
{
    if (NIKA_PLANTED(X5) && fault->acted > 0) return false;
    return nika_fault_choice_ppm(fault, fault_link_code(out->from, out->to), out->type,
                                 view_of(out), seq_of(out), ppm);
}

bool fault_rolls_at(struct nika_fault *fault, uint32_t node, uint64_t ppm)
{
    return nika_fault_choice_ppm(fault, node, 0, 0, 0, ppm);
}

uint64_t fault_draw(struct nika_fault *fault, const struct nika_outgoing *out, uint64_t n)
{
    if (n < 2) return 0;
    return nika_fault_choice(fault, fault_link_code(out->from, out->to), out->type, view_of(out),
                             seq_of(out), n);
}

static const struct nika_message_info *info_of(const struct nika_fault *fault, uint8_t type)
{
    const struct nika_message_table *table = fault->host->messages;
    return type < table->count ? table->messages[type] : NULL;
}

bool fault_type_matches(const struct nika_fault *fault, const struct nika_outgoing *out,
                        uint64_t type)
{
    if (type == 0) return true;
    const struct nika_message_info *info = info_of(fault, out->type);
    /* The BATCH fetches and certificates of STATUS are of its class, as the table says. */
    return info != NULL && info->message_class == type;
}

bool fault_other_side(uint32_t to, uint64_t split)
{
    return (nika_is_client(to) ? nika_client_index(to) : to) >= split;
}

bool fault_link_is_targeted(const struct nika_fault *fault, const struct nika_outgoing *out)
{
    if (fault->targets[0] == 0 && fault->targets[1] == 0) return true;
    return nika_fault_targets(fault, out->from) || nika_fault_targets(fault, out->to);
}

bool fault_open(const struct nika_fault *fault, const struct nika_outgoing *out,
                struct nika_frame *frame)
{
    struct nika_span bytes = {out->bytes, out->size};
    if (out->drop) return false;
    if (nika_frame_parse(bytes, fault->host->config->epoch, NIKA_MESSAGE_SIZE_MAX, frame) !=
        NIKA_OK) {
        return false;
    }
    return frame->sender == out->from;
}

bool fault_decode(const struct nika_fault *fault, const struct nika_outgoing *out,
                  const struct nika_message_info *info, void *value)
{
    struct nika_frame frame;
    if (out->type != info->type || info_of(fault, out->type) != info) return false;
    if (!fault_open(fault, out, &frame) || frame.type != info->type) return false;
    return nika_decode(info, frame.body, value) == NIKA_OK;
}

bool fault_rewrite(struct nika_fault *fault, struct nika_outgoing *out,
                   const struct nika_message_info *info, const void *value)
{
    uint8_t scratch[FAULT_SCRATCH_SIZE];
    struct nika_writer w = nika_writer_of(scratch, sizeof scratch);
    nika_encode(info, value, &w);
    if (w.failed) return false;
    struct nika_span body = {scratch, w.at};
    if (fault->host->resign(fault->host->world, out, info->type, body) != NIKA_OK) return false;
    out->changed = true;
    return true;
}

void fault_inject(struct nika_fault *fault, uint32_t from, uint32_t to,
                  const struct nika_message_info *info, const void *value)
{
    uint8_t scratch[FAULT_SCRATCH_SIZE];
    struct nika_writer w = nika_writer_of(scratch, sizeof scratch);
    nika_encode(info, value, &w);
    if (w.failed) return;
    struct nika_span body = {scratch, w.at};
    fault->host->inject(fault->host->world, from, to, info->type, (enum nika_auth_alg)info->auth,
                        body);
}

struct nika_span fault_sign_nested(struct nika_fault *fault, uint32_t from,
                                   const struct nika_message_info *info, const void *value,
                                   struct nika_writer *w)
{
    uint8_t scratch[NIKA_CONTROL_SIZE_MAX];
    struct nika_writer encoded = nika_writer_of(scratch, sizeof scratch);
    struct nika_summary summary = {.message_class = info->message_class};
    struct nika_span none = {NULL, 0};
    nika_encode(info, value, &encoded);
    if (encoded.failed || w->failed) return none;
    struct nika_outgoing out = {.from = from,
                                .to = NIKA_NODE_NONE,
                                .type = info->type,
                                .capacity = w->capacity - w->at,
                                .bytes = w->data + w->at,
                                .summary = &summary};
    struct nika_span body = {scratch, encoded.at};
    if (fault->host->resign(fault->host->world, &out, info->type, body) != NIKA_OK) return none;
    w->at += out.size;
    return (struct nika_span){out.bytes, out.size};
}

void fault_other_digest(const struct nika_digest *digest, struct nika_digest *out)
{
    static const uint8_t tag[] = {'L', 'I', 'E'};
    struct nika_span parts[] = {{tag, sizeof tag}, {digest->bytes, NIKA_DIGEST_SIZE}};
    nika_sha256(parts, ARRAY_COUNT(parts), out);
}

struct nika_list fault_frames_edit(const struct nika_list *in, uint32_t drop, uint32_t twice,
                                   struct nika_writer *w)
{
    struct nika_list list = {.count = 0, .span = {w->data + w->at, 0}};
    struct nika_span frame;
    uint32_t at = 0;
    for (uint32_t i = 0; nika_frames_next(in, &at, &frame); i++) {
        if (i == drop) continue;
        nika_frames_append(w, &list, frame);
        if (i == twice) nika_frames_append(w, &list, frame);
    }
    return list;
}

bool fault_break_auth(const struct nika_fault *fault, struct nika_outgoing *out)
{
    struct nika_frame frame;
    if (!fault_open(fault, out, &frame) || frame.auth.size == 0) return false;
    out->bytes[out->size - 1] ^= 1; /* The authenticator is the last thing in a frame. */
    out->changed = true;
    return true;
}

bool fault_rolls_once(struct nika_fault *fault, struct fault_once *once,
                      const struct nika_outgoing *out, uint64_t ppm)
{
    uint64_t view = view_of(out), seq = seq_of(out);
    for (uint32_t i = 0; i < FAULT_ONCE_MAX; i++) {
        const struct fault_once_entry *e = &once->entries[i];
        if (e->used && e->node == out->from && e->type == out->type && e->view == view &&
            e->seq == seq) {
            return e->acts;
        }
    }
    bool acts = nika_fault_choice_ppm(fault, node_code(out->from) << 16 | 0xffffu, out->type, view,
                                      seq, ppm);
    once->entries[once->next] = (struct fault_once_entry){
        .view = view, .seq = seq, .node = out->from, .type = out->type, .used = true, .acts = acts};
    once->next = (once->next + 1) % FAULT_ONCE_MAX;
    return acts;
}
