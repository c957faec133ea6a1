/* engine/oracle/accountability.c: the archive of signed statements, and the search for those that convict. See accountability.h.
 *
 * Statements are kept once each, by (signer, topic, view, sequence number, content). What does not fit is left out and said. */
#include "engine/oracle/accountability.h"

#include <stdio.h>

#include "engine/core/assert.h"
#include "engine/core/digest.h"
#include "engine/oracle/oracle_private.h"

#define STATEMENTS_MAX (1u << 17)
#define BUCKETS (1u << 18)
#define BYTES_MAX (96u * 1024u * 1024u)
/* Contents of one key that are kept: two convict. */
#define VERSIONS_MAX 4u

/* What a statement is about: for a trusted certificate a counter and the certificate's kind, else the class of the message. */
#define TOPIC_CERTIFIED 0x100u
#define TOPIC_KINDS 4u
static uint32_t topic_of(const struct nika_trusted_certificate *c)
{
    return TOPIC_CERTIFIED + c->counter * TOPIC_KINDS + c->kind;
}

static uint32_t topic_counter(uint32_t topic)
{
    return (topic - TOPIC_CERTIFIED) / TOPIC_KINDS;
}

struct statement {
    uint32_t signer; /* Of a trusted certificate the instance. */
    uint32_t topic;
    uint64_t view, seq;                    /* Of a trusted certificate the value. */
    struct nika_trusted_value passed_from; /* Continuing: where the counter was. */
    struct nika_digest digest;
    uint32_t at, size;
    uint32_t same_key; /* Index + 1 of the statement before it with the same key. */
};
struct nika_archive {
    struct nika_evidence_rules rules;
    uint64_t corrupted[2];
    uint32_t count, bytes_used;
    bool full;
    uint32_t buckets[BUCKETS]; /* Index + 1 of the newest statement of a key; by linear probing. */
    struct statement statements[STATEMENTS_MAX];
    uint8_t scratch[NIKA_EVIDENCE_SCRATCH];
    uint8_t bytes[BYTES_MAX];
};

size_t nika_archive_size(void)
{
    return sizeof(struct nika_archive);
}

struct nika_archive *nika_archive_init(void *memory, const struct nika_evidence_rules *rules,
                                       const uint64_t corrupted[2])
{
    struct nika_archive *a = memory;
    a->rules = *rules;
    a->corrupted[0] = corrupted[0];
    a->corrupted[1] = corrupted[1];
    return a;
}

static bool key_equal(const struct statement *a, const struct statement *b)
{
    return a->signer == b->signer && a->topic == b->topic && a->view == b->view && a->seq == b->seq;
}

/* Where the newest statement of this key is, or belongs. */
static uint32_t *bucket_of(struct nika_archive *a, const struct statement *s)
{
    uint64_t parts[4] = {s->signer, s->topic, s->view, s->seq};
    uint64_t at = nika_hash64(parts, sizeof parts, 0);
    for (;; at++) {
        uint32_t *bucket = &a->buckets[at % BUCKETS];
        if (*bucket == 0 || key_equal(&a->statements[*bucket - 1], s)) return bucket;
    }
}

/* Is this content known already, or is there no room for it? */
static bool known(struct nika_archive *a, const struct statement *s, uint32_t newest)
{
    uint32_t versions = 0;
    for (uint32_t i = newest; i != 0; i = a->statements[i - 1].same_key) {
        if (nika_digest_equal(&a->statements[i - 1].digest, &s->digest)) return true;
        versions++;
    }
    return versions >= VERSIONS_MAX;
}

/* A statement with a size says where its frame is already. */
static void keep(struct nika_archive *a, struct statement *s, uint32_t *bucket,
                 struct nika_span raw)
{
    if (a->count == STATEMENTS_MAX || raw.size > BYTES_MAX - a->bytes_used) {
        a->full = true;
        return;
    }
    if (s->size == 0) {
        s->at = a->bytes_used;
        s->size = raw.size;
        memcpy(a->bytes + s->at, raw.data, raw.size);
        a->bytes_used += raw.size;
    }
    s->same_key = *bucket;
    a->statements[a->count++] = *s;
    *bucket = a->count;
}

static void visit(void *context, struct nika_span raw);

/* Each certificate that moved a counter is a statement. One under a trusted MAC states nothing here, but may hold others that do. */
static void keep_certified(struct nika_archive *a, const struct nika_certified *c,
                           struct nika_span raw)
{
    struct statement s = {.digest = c->digest};
    bool news = c->certificates[0].kind == NIKA_TRUSTED_MAC;
    for (uint32_t i = 0; i < c->count; i++) {
        const struct nika_trusted_certificate *one = &c->certificates[i];
        if (!nika_evidence_moves(one)) continue;
        s.signer = one->instance;
        s.topic = topic_of(one);
        s.view = one->value.view;
        s.seq = one->value.order;
        s.passed_from = one->previous;
        uint32_t *bucket = bucket_of(a, &s);
        if (known(a, &s, *bucket)) continue;
        news = true;
        keep(a, &s, bucket, raw);
    }
    if (news) nika_nested_frames(&a->rules, c->frame.type, c->frame.body, visit, a);
}

static void visit(void *context, struct nika_span raw)
{
    struct nika_archive *a = context;
    struct nika_frame frame;
    struct nika_summary summary;
    struct nika_certified certified;
    struct statement s = {0};
    if (nika_evidence_certified(&a->rules, raw, &certified)) keep_certified(a, &certified, raw);
    if (!nika_evidence_read(&a->rules, raw, &frame, &summary)) return;
    if (!nika_evidence_key(&summary, &s.view, &s.seq)) return;
    s.signer = frame.sender;
    s.topic = summary.message_class;
    s.digest = summary.digest;
    uint32_t *bucket = bucket_of(a, &s);
    if (known(a, &s, *bucket)) return;
    /* Whoever nests a frame may have made it up. */
    if (!nika_evidence_signed(&a->rules, &frame, a->scratch)) return;
    keep(a, &s, bucket, raw);
    nika_nested_frames(&a->rules, frame.type, frame.body, visit, a);
}

void nika_archive_add(struct nika_archive *a, struct nika_span raw)
{
    struct nika_frame frame;
    const struct nika_message_table *table = a->rules.ops->messages;
    visit(a, raw);
    /* Answers to a lagging replica carry signed votes under a MAC. */
    if (nika_frame_parse(raw, a->rules.config->epoch, NIKA_MESSAGE_SIZE_MAX, &frame) != NIKA_OK ||
        frame.type >= table->count || table->messages[frame.type] == NULL ||
        table->messages[frame.type]->message_class != NIKA_MESSAGE_TRANSFER)
        return;
    nika_nested_frames(&a->rules, frame.type, frame.body, visit, a);
}

static void on_tap(void *context, const struct nika_tap *tap)
{
    struct nika_archive *a = context;
    uint32_t holder = tap->kind == NIKA_TAP_SENT ? tap->node : tap->to;
    if (tap->frame == NULL || nika_is_client(holder) || holder >= a->rules.config->n) return;
    if (!nika_set_has(a->corrupted, holder)) nika_archive_add(a, tap->frame->raw);
}

struct nika_watcher nika_archive_watcher(struct nika_archive *archive)
{
    return (struct nika_watcher){.context = archive,
                                 .mask =
                                     NIKA_TAP_BIT(NIKA_TAP_SENT) | NIKA_TAP_BIT(NIKA_TAP_DELIVERED),
                                 .on_tap = on_tap};
}

struct nika_span nika_archive_frame(const struct nika_archive *a, const struct nika_conviction *c,
                                    uint32_t index)
{
    if (index >= NIKA_EVIDENCE_FRAMES || c->size[index] == 0) return (struct nika_span){0};
    return (struct nika_span){a->bytes + c->at[index], c->size[index]};
}

/* ---- judging ---- */
static const char *class_text(uint32_t topic)
{
    switch ((enum nika_message_class)topic) {
    case NIKA_MESSAGE_PROPOSE:
        return "proposals";
    case NIKA_MESSAGE_PREPARE:
        return "PREPAREs";
    case NIKA_MESSAGE_COMMIT:
        return "COMMITs";
    case NIKA_MESSAGE_CHECKPOINT:
        return "CHECKPOINTs";
    case NIKA_MESSAGE_VIEW_CHANGE:
        return "VIEW-CHANGEs";
    case NIKA_MESSAGE_NEW_VIEW:
        return "NEW-VIEWs";
    case NIKA_MESSAGE_OTHER:
    case NIKA_MESSAGE_REQUEST:
    case NIKA_MESSAGE_REPLY:
    case NIKA_MESSAGE_BATCH:
    case NIKA_MESSAGE_STATUS:
    case NIKA_MESSAGE_TRANSFER:
        break;
    }
    return "messages";
}

static void describe_certified(struct nika_conviction *c, const struct statement *one,
                               const struct statement *two)
{
    uint32_t counter = topic_counter(one->topic);
    if (one->view == two->view && one->seq == two->seq) {
        snprintf(c->sentence, sizeof c->sentence,
                 "has a trusted subsystem that bound one value twice: [%" PRIu64 "|%" PRIu64
                 "] of counter %" PRIu32 " to %08" PRIx32 " and %08" PRIx32,
                 one->view, one->seq, counter, oracle_hex8(oracle_fingerprint(&one->digest)),
                 oracle_hex8(oracle_fingerprint(&two->digest)));
        return;
    }
    snprintf(c->sentence, sizeof c->sentence,
             "has a trusted subsystem that bound [%" PRIu64 "|%" PRIu64 "] of counter %" PRIu32
             ", which then passed over it from [%" PRIu64 "|%" PRIu64 "] to [%" PRIu64 "|%" PRIu64
             "]",
             one->view, one->seq, counter, two->passed_from.view, two->passed_from.order, two->view,
             two->seq);
}

static void describe(struct nika_conviction *c, const struct statement *one,
                     const struct statement *two)
{
    uint32_t first = oracle_hex8(oracle_fingerprint(&one->digest));
    switch (c->kind) {
    case NIKA_GUILT_EQUIVOCATION:
        snprintf(c->sentence, sizeof c->sentence,
                 "signed two %s at view %" PRIu64 " seq %" PRIu64 ": %08" PRIx32 " and %08" PRIx32,
                 class_text(one->topic), one->view, one->seq, first,
                 oracle_hex8(oracle_fingerprint(&two->digest)));
        return;
    case NIKA_GUILT_AMNESIA:
        snprintf(c->sentence, sizeof c->sentence,
                 "signed a COMMIT for %08" PRIx32 " at view %" PRIu64 " seq %" PRIu64
                 ", and a VIEW-CHANGE for view %" PRIu64 " that forgets it",
                 first, one->view, one->seq, two->view);
        return;
    case NIKA_GUILT_UNJUSTIFIED:
        snprintf(c->sentence, sizeof c->sentence,
                 "signed a NEW-VIEW for view %" PRIu64 " that does not follow from its "
                 "VIEW-CHANGEs",
                 one->view);
        return;
    case NIKA_GUILT_TRUSTED:
        describe_certified(c, one, two);
        return;
    case NIKA_GUILT_NONE:
    case NIKA_GUILT_COUNT:
        return;
    }
}

/* Convict when the evidence holds by itself; one conviction a replica. */
static void convict(struct nika_archive *a, struct nika_accusation *out, enum nika_guilt kind,
                    const struct statement *one, const struct statement *two)
{
    uint32_t replica = one->signer;
    struct nika_span frames[NIKA_EVIDENCE_FRAMES] = {{a->bytes + one->at, one->size}, {0}};
    if (two != NULL) frames[1] = (struct nika_span){a->bytes + two->at, two->size};
    if (nika_set_has(out->culprits, replica) || out->count == NIKA_CONVICTIONS_MAX) return;
    if (!nika_evidence_verify(&a->rules, kind, replica, frames, a->scratch)) return;
    struct nika_conviction *c = &out->list[out->count++];
    c->kind = kind;
    c->replica = replica;
    c->corrupted = nika_set_has(a->corrupted, replica);
    c->view = one->view;
    c->seq = one->seq;
    c->at[0] = one->at;
    c->size[0] = one->size;
    c->at[1] = two != NULL ? two->at : 0;
    c->size[1] = two != NULL ? two->size : 0;
    describe(c, one, two);
    out->culprits[replica / 64] |= UINT64_C(1) << (replica % 64);
}

static void judge_view_change(struct nika_archive *a, struct nika_accusation *out,
                              const struct statement *view_change)
{
    for (uint32_t i = 0; i < a->count; i++) {
        const struct statement *commit = &a->statements[i];
        if (commit->topic != NIKA_MESSAGE_COMMIT || commit->signer != view_change->signer ||
            commit->view >= view_change->view)
            continue;
        convict(a, out, NIKA_GUILT_AMNESIA, commit, view_change);
    }
}

/* A value that the counter says it passed over: whoever sets a counter back hides what it had taken part in. */
static void judge_continuing(struct nika_archive *a, struct nika_accusation *out,
                             const struct statement *passing)
{
    uint32_t counter = topic_counter(passing->topic);
    struct nika_trusted_value to = {passing->view, passing->seq};
    for (uint32_t i = 0; i < a->count; i++) {
        const struct statement *s = &a->statements[i];
        struct nika_trusted_value value = {s->view, s->seq};
        if (s->topic < TOPIC_CERTIFIED || s->signer != passing->signer ||
            topic_counter(s->topic) != counter ||
            nika_trusted_compare(passing->passed_from, value) >= 0 ||
            nika_trusted_compare(value, to) >= 0)
            continue;
        convict(a, out, NIKA_GUILT_TRUSTED, s, passing);
    }
}

/* Votes for one digest at one number and view. */
static uint32_t committers(struct nika_archive *a, const struct statement *like)
{
    uint32_t count = 0;
    for (uint32_t replica = 0; replica < a->rules.config->n; replica++) {
        struct statement key = *like;
        key.signer = replica;
        for (uint32_t i = *bucket_of(a, &key); i != 0; i = a->statements[i - 1].same_key) {
            if (!nika_digest_equal(&a->statements[i - 1].digest, &like->digest)) continue;
            count++;
            break;
        }
    }
    return count;
}

#define DECIDED_RING 4096u
struct decided {
    uint64_t seq;
    uint32_t statement; /* Index + 1. */
};

/* How many theory promises for two quorums: those who are in both (2Q - n). Where a NEW-VIEW between their views does not follow from
 * its VIEW-CHANGEs it is its signer alone: whoever PREPAREd its orders may have seen another NEW-VIEW that justifies them, and no
 * PREPARE says which. */
static uint32_t promise(const struct nika_archive *a, const struct nika_accusation *out,
                        const struct statement *one, const struct statement *two)
{
    const struct nika_config *c = a->rules.config;
    uint32_t quorum = oracle_order_quorum(c);
    uint64_t low = one->view < two->view ? one->view : two->view;
    uint64_t high = one->view < two->view ? two->view : one->view;
    for (uint32_t i = 0; i < out->count; i++) {
        const struct nika_conviction *k = &out->list[i];
        if (k->kind == NIKA_GUILT_UNJUSTIFIED && k->view > low && k->view <= high) return 1;
    }
    return 2 * quorum > c->n ? 2 * quorum - c->n : 0;
}

/* Two quorums of COMMITs for one number that contradict each other: the disagreement itself, as messages show it. */
static void find_conflict(struct nika_archive *a, struct nika_accusation *out)
{
    const struct nika_config *c = a->rules.config;
    uint32_t quorum = oracle_order_quorum(c);
    struct decided ring[DECIDED_RING] = {{0}};
    for (uint32_t i = 0; i < a->count; i++) {
        const struct statement *s = &a->statements[i];
        if (s->topic != NIKA_MESSAGE_COMMIT) continue;
        struct decided *d = &ring[s->seq % DECIDED_RING];
        bool same_seq = d->statement != 0 && d->seq == s->seq;
        if (same_seq && nika_digest_equal(&a->statements[d->statement - 1].digest, &s->digest))
            continue;
        if (committers(a, s) < quorum) continue;
        if (same_seq && !out->conflict) {
            out->conflict = true;
            out->conflict_seq = s->seq;
            out->promised = promise(a, out, &a->statements[d->statement - 1], s);
        }
        if (!same_seq) *d = (struct decided){s->seq, i + 1};
    }
}

void nika_archive_accuse(struct nika_archive *a, struct nika_accusation *out)
{
    memset(out, 0, sizeof *out);
    out->examined = true;
    out->full = a->full;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct statement *s = &a->statements[i];
        enum nika_guilt kind =
            s->topic >= TOPIC_CERTIFIED ? NIKA_GUILT_TRUSTED : NIKA_GUILT_EQUIVOCATION;
        if (s->same_key != 0) convict(a, out, kind, &a->statements[s->same_key - 1], s);
    }
    for (uint32_t i = 0; i < a->count; i++) {
        const struct statement *s = &a->statements[i];
        if (nika_set_has(out->culprits, s->signer)) continue;
        if (s->topic >= TOPIC_CERTIFIED && s->topic % TOPIC_KINDS == NIKA_TRUSTED_CONTINUING)
            judge_continuing(a, out, s);
        if (s->topic == NIKA_MESSAGE_VIEW_CHANGE) judge_view_change(a, out, s);
        if (s->topic == NIKA_MESSAGE_NEW_VIEW) convict(a, out, NIKA_GUILT_UNJUSTIFIED, s, NULL);
    }
    find_conflict(a, out);
}
