/* engine/oracle/evidence.c: the rules by which a few signed frames convict a replica, checked from keys and bytes alone. See
 * accountability.h. Nothing here trusts who brings the frames. */
#include "engine/core/assert.h"
#include "engine/core/digest.h"
#include "engine/oracle/accountability.h"
#include "engine/oracle/oracle_private.h"

#define DECODED_MAX 512u /* Of any message struct. */

static const struct {
    const char *name, *doc;
} texts[NIKA_GUILT_COUNT] = {
    [NIKA_GUILT_NONE] = {"none", "nothing is proven"},
    [NIKA_GUILT_EQUIVOCATION] = {"equivocation",
                                 "signed two contents for one class, view and sequence number"},
    [NIKA_GUILT_AMNESIA] = {"amnesia", "committed, and later asked for a new view without the "
                                       "certificate that a COMMIT presupposes"},
    [NIKA_GUILT_UNJUSTIFIED] = {"unjustified-new-view",
                                "started a view with orders that its own VIEW-CHANGEs rule out"},
    [NIKA_GUILT_TRUSTED] = {"broken-trusted-subsystem",
                            "its trusted subsystem bound one value twice, or one that it says it "
                            "passed over: it was cloned or set back, or others have its key"},
};

const char *nika_guilt_name(uint32_t guilt)
{
    return guilt < NIKA_GUILT_COUNT ? texts[guilt].name : "unknown";
}
const char *nika_guilt_doc(uint32_t guilt)
{
    return guilt < NIKA_GUILT_COUNT ? texts[guilt].doc : "no such kind";
}

bool nika_evidence_read(const struct nika_evidence_rules *rules, struct nika_span raw,
                        struct nika_frame *frame, struct nika_summary *summary)
{
    const struct nika_message_table *table = rules->ops->messages;
    if (nika_frame_parse(raw, rules->config->epoch, NIKA_MESSAGE_SIZE_MAX, frame) != NIKA_OK)
        return false;
    if (frame->sender >= rules->config->n) return false;
    if (frame->type >= table->count || table->messages[frame->type] == NULL) return false;
    rules->ops->describe(frame->type, frame->body, summary);
    return frame->auth_alg == NIKA_AUTH_SIGNATURE ||
           (rules->trusted != NULL && summary->message_class == NIKA_MESSAGE_CHECKPOINT);
}

bool nika_evidence_signed(const struct nika_evidence_rules *rules, const struct nika_frame *frame,
                          uint8_t *scratch)
{
    if (frame->auth_alg != NIKA_AUTH_SIGNATURE) return nika_evidence_vouched(rules, frame);
    /* A session MAC is known to its receiver, too: it could have made it. */
    if (rules->config->suite == NIKA_SUITE_HMAC) return false;
    struct nika_writer w = nika_writer_of(scratch, NIKA_EVIDENCE_SCRATCH);
    nika_frame_signed_bytes(rules->config, frame->type, frame->sender, frame->body, &w);
    return !w.failed && nika_verify(rules->keyring, frame->sender, (struct nika_span){w.data, w.at},
                                    frame->auth) == NIKA_OK;
}

bool nika_evidence_key(const struct nika_summary *summary, uint64_t *view, uint64_t *seq)
{
    if (!summary->has_digest) return false;
    *view = summary->view;
    *seq = summary->seq;
    switch (summary->message_class) {
    case NIKA_MESSAGE_PROPOSE:
    case NIKA_MESSAGE_PREPARE:
    case NIKA_MESSAGE_COMMIT:
        return true;
    case NIKA_MESSAGE_CHECKPOINT:
        *view = 0;
        return true;
    case NIKA_MESSAGE_VIEW_CHANGE:
    case NIKA_MESSAGE_NEW_VIEW:
        *seq = 0;
        return true;
    default:
        return false;
    }
}

/* ---- nested frames ---- */
static void visit_list(const struct nika_list *list, const struct nika_message_info *element,
                       nika_nested_visit *visit, void *context)
{
    uint64_t decoded[DECODED_MAX / 8];
    uint32_t at = 0;
    NIKA_ASSERT(element->struct_size <= sizeof decoded);
    while (nika_list_next(list, element, &at, decoded)) {
        for (uint32_t i = 0; i < element->field_count; i++) {
            const struct nika_field *field = &element->fields[i];
            const uint8_t *value = (const uint8_t *)decoded + field->offset;
            struct nika_span span;
            struct nika_list frames;
            uint32_t inner = 0;
            if (field->kind == NIKA_FIELD_BYTES) {
                memcpy(&span, value, sizeof span);
                visit(context, span);
            } else if (field->kind == NIKA_FIELD_FRAMES) {
                memcpy(&frames, value, sizeof frames);
                while (nika_frames_next(&frames, &inner, &span)) visit(context, span);
            }
        }
    }
}

void nika_nested_frames(const struct nika_evidence_rules *rules, uint8_t type,
                        struct nika_span body, nika_nested_visit *visit, void *context)
{
    const struct nika_message_info *info = rules->ops->messages->messages[type];
    uint64_t decoded[DECODED_MAX / 8];
    NIKA_ASSERT(info->struct_size <= sizeof decoded);
    if (nika_decode(info, body, decoded) != NIKA_OK) return;
    for (uint32_t i = 0; i < info->field_count; i++) {
        const struct nika_field *field = &info->fields[i];
        struct nika_list list;
        struct nika_span frame;
        uint32_t at = 0;
        const uint8_t *value = (const uint8_t *)decoded + field->offset;
        if (field->kind == NIKA_FIELD_BYTES) {
            memcpy(&frame, value, sizeof frame);
            visit(context, frame);
        }
        if (field->kind != NIKA_FIELD_FRAMES && field->kind != NIKA_FIELD_LIST) continue;
        memcpy(&list, value, sizeof list);
        if (field->kind == NIKA_FIELD_LIST) visit_list(&list, field->element, visit, context);
        while (field->kind == NIKA_FIELD_FRAMES && nika_frames_next(&list, &at, &frame))
            visit(context, frame);
    }
}

/* ---- the rules ---- */
/* A signed frame of `accused`. */
static bool read_signed(const struct nika_evidence_rules *rules, struct nika_span raw,
                        uint32_t accused, struct nika_frame *frame, struct nika_summary *summary,
                        uint8_t *scratch)
{
    return nika_evidence_read(rules, raw, frame, summary) && frame->sender == accused &&
           nika_evidence_signed(rules, frame, scratch);
}

static bool equivocated(const struct nika_summary *a, const struct nika_summary *b)
{
    uint64_t view[2], seq[2];
    return a->message_class == b->message_class && nika_evidence_key(a, &view[0], &seq[0]) &&
           nika_evidence_key(b, &view[1], &seq[1]) && view[0] == view[1] && seq[0] == seq[1] &&
           !nika_digest_equal(&a->digest, &b->digest);
}

/* The order of the highest view that a VIEW-CHANGE says was prepared at `seq`. */
struct claim {
    const struct nika_evidence_rules *rules;
    uint64_t seq;
    bool found, contradictory;
    uint64_t view;
    struct nika_digest digest;
};

static void visit_claim(void *context, struct nika_span raw)
{
    struct claim *c = context;
    struct nika_frame frame;
    struct nika_summary s;
    if (!nika_evidence_read(c->rules, raw, &frame, &s)) return;
    if (s.message_class != NIKA_MESSAGE_PROPOSE || s.seq != c->seq) return;
    if (c->found && c->view > s.view) return;
    /* Two certificates of one view that differ mean more than f faults: whoever follows either is not to blame. */
    bool other = c->found && c->view == s.view && !nika_digest_equal(&c->digest, &s.digest);
    c->contradictory = other || (c->contradictory && c->found && c->view == s.view);
    c->found = true;
    c->view = s.view;
    c->digest = s.digest;
}

/* A COMMIT for (v, s) says that a prepared certificate of v is on the signer's disk. A VIEW-CHANGE for a later view carries, for each
 * number above its low mark, the certificate of the highest view. */
static bool forgot(const struct nika_evidence_rules *rules, const struct nika_summary *commit,
                   const struct nika_frame *frame, const struct nika_summary *view_change)
{
    if (commit->message_class != NIKA_MESSAGE_COMMIT ||
        view_change->message_class != NIKA_MESSAGE_VIEW_CHANGE)
        return false;
    if (view_change->view <= commit->view || view_change->seq >= commit->seq) return false;
    struct claim claim = {.rules = rules, .seq = commit->seq};
    nika_nested_frames(rules, frame->type, frame->body, visit_claim, &claim);
    return !claim.found || claim.view < commit->view;
}

struct new_view {
    const struct nika_evidence_rules *rules;
    uint8_t *scratch;
    uint64_t view, min_seq, max_seq;
    uint64_t seen[2];
    uint32_t proofs;
    bool strange; /* Holds something that this file cannot judge. */
    struct claim claim;
};

static void visit_proof(void *context, struct nika_span raw)
{
    struct new_view *v = context;
    struct nika_frame frame;
    struct nika_summary s;
    if (!nika_evidence_read(v->rules, raw, &frame, &s)) return;
    if (s.message_class == NIKA_MESSAGE_PROPOSE && s.seq > v->max_seq) v->max_seq = s.seq;
    if (s.message_class != NIKA_MESSAGE_VIEW_CHANGE) return;
    /* What is wrong with a proof is another matter: here it only must not weigh. */
    if (s.view != v->view || frame.sender >= 128 || nika_set_has(v->seen, frame.sender) ||
        !nika_evidence_signed(v->rules, &frame, v->scratch)) {
        v->strange = true;
        return;
    }
    v->seen[frame.sender / 64] |= UINT64_C(1) << (frame.sender % 64);
    v->proofs++;
    if (s.seq > v->min_seq) v->min_seq = s.seq;
}

static void visit_proof_claim(void *context, struct nika_span raw)
{
    struct claim *c = context;
    struct nika_frame frame;
    struct nika_summary s;
    if (!nika_evidence_read(c->rules, raw, &frame, &s)) return;
    if (s.message_class == NIKA_MESSAGE_VIEW_CHANGE)
        nika_nested_frames(c->rules, frame.type, frame.body, visit_claim, c);
}

struct order {
    const struct nika_evidence_rules *rules;
    uint64_t seq;
    bool found;
    struct nika_digest digest;
};

static void visit_order(void *context, struct nika_span raw)
{
    struct order *o = context;
    struct nika_frame frame;
    struct nika_summary s;
    if (!nika_evidence_read(o->rules, raw, &frame, &s)) return;
    if (s.message_class != NIKA_MESSAGE_PROPOSE || s.seq != o->seq) return;
    o->found = true;
    o->digest = s.digest;
}

/* For a number that a VIEW-CHANGE of V has prepared, O must order what the certificate of the highest view says. */
static bool unjustified(const struct nika_evidence_rules *rules, const struct nika_frame *frame,
                        const struct nika_summary *summary, uint8_t *scratch)
{
    struct new_view v = {.rules = rules, .scratch = scratch, .view = summary->view};
    if (summary->message_class != NIKA_MESSAGE_NEW_VIEW ||
        summary->view % rules->config->n != frame->sender)
        return false;
    nika_nested_frames(rules, frame->type, frame->body, visit_proof, &v);
    /* A correct primary sends no NEW-VIEW without a quorum of good proofs. */
    if (v.strange || v.proofs < oracle_quorum(rules->config->n, rules->config->f)) return true;
    for (uint64_t s = v.min_seq + 1; s <= v.min_seq + rules->config->window; s++) {
        struct claim claim = {.rules = rules, .seq = s};
        struct order order = {.rules = rules, .seq = s};
        nika_nested_frames(rules, frame->type, frame->body, visit_proof_claim, &claim);
        if (!claim.found || claim.contradictory) continue;
        nika_nested_frames(rules, frame->type, frame->body, visit_order, &order);
        if (!order.found || !nika_digest_equal(&order.digest, &claim.digest)) return true;
    }
    return false;
}

bool nika_evidence_verify(const struct nika_evidence_rules *rules, enum nika_guilt kind,
                          uint32_t accused, const struct nika_span frames[NIKA_EVIDENCE_FRAMES],
                          uint8_t *scratch)
{
    struct nika_frame frame[NIKA_EVIDENCE_FRAMES];
    struct nika_summary summary[NIKA_EVIDENCE_FRAMES];
    uint32_t count = kind == NIKA_GUILT_UNJUSTIFIED ? 1 : 2;
    if (kind == NIKA_GUILT_TRUSTED) return nika_evidence_bound_twice(rules, accused, frames);
    for (uint32_t i = 0; i < count; i++) {
        if (!read_signed(rules, frames[i], accused, &frame[i], &summary[i], scratch)) return false;
    }
    switch (kind) {
    case NIKA_GUILT_EQUIVOCATION:
        return equivocated(&summary[0], &summary[1]);
    case NIKA_GUILT_AMNESIA:
        return forgot(rules, &summary[0], &frame[1], &summary[1]);
    case NIKA_GUILT_UNJUSTIFIED:
        return unjustified(rules, &frame[0], &summary[0], scratch);
    case NIKA_GUILT_NONE:
    case NIKA_GUILT_TRUSTED:
    case NIKA_GUILT_COUNT:
        break;
    }
    return false;
}
