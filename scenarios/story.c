/* scenarios/story.c: a run told for people (story.h). Owns nothing, prints nothing. */
#include "scenarios/story.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "engine/core/check.h"
#include "engine/core/digest.h"

#define TEXT_SIZE 512u

/* A line under construction. What does not fit is cut. */
struct line {
    char *out;
    size_t used;
};

static void put(struct line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct line *l, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(l->out + l->used, NIKA_STORY_LINE_SIZE - l->used, format, arguments);
    va_end(arguments);
    if (size > 0) l->used += (size_t)size;
    if (l->used >= NIKA_STORY_LINE_SIZE) l->used = NIKA_STORY_LINE_SIZE - 1;
}

const char *nika_story_node(uint32_t node, char out[16])
{
    if (node == NIKA_NODE_NONE)
        snprintf(out, 16, "all");
    else
        snprintf(out, 16, "%c%u", nika_is_client(node) ? 'c' : 'r', nika_client_index(node));
    return out;
}

/* The first eight hexadecimal digits of a digest, or its name. The null digest is "null". */
static void put_digest(struct nika_story *s, struct line *l, const char hex[8])
{
    if (memcmp(hex, "00000000", 8) == 0) {
        put(l, "null");
        return;
    }
    uint32_t i = 0;
    while (i < s->digest_count && memcmp(s->digests[i], hex, 8) != 0) i++;
    if (s->name_digests && i == s->digest_count && i < NIKA_STORY_DIGESTS_MAX)
        memcpy(s->digests[s->digest_count++], hex, 8);
    if (s->name_digests && i < s->digest_count) {
        put(l, "#%u", i + 1);
    } else {
        put(l, "%.8s", hex);
    }
}

/* The text of a message, with every digest by its name: 8 hexadecimal digits behind "digest=" or "root=". */
static void put_fields(struct nika_story *s, struct line *l, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        put(l, "%c", *c);
        bool named = c - text >= 6 && strncmp(c - 6, "digest=", 7) == 0;
        named = named || (c - text >= 4 && strncmp(c - 4, "root=", 5) == 0);
        if (!named || strlen(c + 1) < 8) continue;
        put_digest(s, l, c + 1);
        c += 8;
    }
}

static const struct nika_message_info *info_of(const struct nika_story *s, uint64_t type)
{
    const struct nika_message_table *table = s->protocol->messages;
    return type < table->count ? table->messages[type] : NULL;
}

static bool message_told(const struct nika_story *s, const struct nika_tap *tap)
{
    if (tap->frame == NULL) return false;
    const struct nika_message_info *info = info_of(s, tap->frame->type);
    if (s->all) return info != NULL;
    if (tap->kind == NIKA_TAP_DROPPED && tap->a == NIKA_DROP_DOWN) return false;
    if (info == NULL || strcmp(info->name, "STATUS") == 0) return false;
    return tap->kind != NIKA_TAP_DELIVERED || info->message_class == NIKA_MESSAGE_PROPOSE;
}

static void put_message(struct nika_story *s, struct line *l, const struct nika_tap *tap)
{
    static const char *const verbs[NIKA_TAP_COUNT] = {
        [NIKA_TAP_SENT] = "->", [NIKA_TAP_DELIVERED] = "=>", [NIKA_TAP_DROPPED] = "-x"};
    char text[TEXT_SIZE], to[16];
    const struct nika_message_info *info = info_of(s, tap->frame->type);
    (void)nika_message_text(info, tap->frame->body, text, sizeof text);
    put(l, "%s %-3s %s ", verbs[tap->kind], nika_story_node(tap->to, to), info->name);
    put_fields(s, l, text);
}

static void put_bytes_digest(struct nika_story *s, struct line *l, struct nika_span bytes)
{
    char hex[2 * NIKA_DIGEST_SIZE + 1];
    if (bytes.size < NIKA_DIGEST_SIZE) return;
    nika_hex(bytes.data, NIKA_DIGEST_SIZE, hex);
    put_digest(s, l, hex);
}

static void put_progress(struct nika_story *s, struct line *l, const struct nika_tap *tap)
{
    static const char *const steps[] = {"starts", "finishes", "abandons"};
    const struct nika_action *n = tap->note;
    if (tap->a == NIKA_NOTE_VIEW)
        put(l, "%s view %" PRIu64, n->b != 0 ? "is active in" : "leaves for", n->a);
    if (tap->a == NIKA_NOTE_EXECUTED) put(l, "has executed %" PRIu64, n->a);
    if (tap->a == NIKA_NOTE_TRANSFER)
        put(l, "%s the transfer of state %" PRIu64, steps[n->b % 3], n->a);
    if (tap->a == NIKA_NOTE_COMMITTED)
        put(l, "has committed %" PRIu64 " in view %" PRIu64 " as ", n->a, n->b);
    if (tap->a == NIKA_NOTE_WAIT) put(l, "waits for %s", nika_wait_text((uint32_t)n->a));
    if (tap->a == NIKA_NOTE_STABLE)
        put(l, "has a stable checkpoint at %" PRIu64 " with state ", n->a);
    if (tap->a == NIKA_NOTE_CHECKPOINT)
        put(l, "takes a checkpoint at %" PRIu64 " with state ", n->a);
    bool digest = tap->a == NIKA_NOTE_COMMITTED || tap->a == NIKA_NOTE_STABLE ||
                  tap->a == NIKA_NOTE_CHECKPOINT;
    if (digest) put_bytes_digest(s, l, tap->bytes);
}

static void put_complaint(const struct nika_story *s, struct line *l, const struct nika_tap *tap)
{
    char other[16];
    const struct nika_action *n = tap->note;
    const struct nika_message_info *info = tap->a == NIKA_NOTE_EVIDENCE ? info_of(s, n->a) : NULL;
    enum nika_check check = n->a < NIKA_CHECK_COUNT ? (enum nika_check)n->a : NIKA_CHECK_NONE;
    if (tap->a == NIKA_NOTE_REJECT)
        put(l, "rejects what %s says: %s, %s", nika_story_node((uint32_t)n->b, other),
            nika_check_name(check), nika_check_doc(check));
    if (tap->a == NIKA_NOTE_EVIDENCE)
        put(l, "holds evidence against %s: two different %ss",
            nika_story_node((uint32_t)n->b, other), info != NULL ? info->name : "message");
    if (tap->a == NIKA_NOTE_ALARM)
        put(l, "raises the alarm: %s, %s", nika_check_name(check), nika_check_doc(check));
}

static bool note_told(const struct nika_story *s, const struct nika_tap *tap)
{
    if (s->all) return tap->a != NIKA_NOTE_QUEUE;
    return tap->a != NIKA_NOTE_QUEUE && tap->a != NIKA_NOTE_WAIT && !nika_is_client(tap->node);
}

/* What the world itself did. NULL: nothing worth a line. */
static const char *world_text(const struct nika_tap *tap)
{
    static const char *const texts[NIKA_TAP_COUNT] = {
        [NIKA_TAP_INVOKED] = "wants operation",
        [NIKA_TAP_COMPLETED] = "has the result of operation",
        [NIKA_TAP_CRASHED] = "crashes",
        [NIKA_TAP_RESTARTED] = "restarts",
        [NIKA_TAP_RESTORED] = "restores snapshot",
        [NIKA_TAP_GST] = "the network is calm from here on",
    };
    return texts[tap->kind];
}

/* What is told only when all is. */
static bool inner_told(const struct nika_story *s, const struct nika_tap *tap)
{
    return s->all && (tap->kind == NIKA_TAP_TIMER || tap->kind == NIKA_TAP_PERSIST ||
                      tap->kind == NIKA_TAP_STORED || tap->kind == NIKA_TAP_EXECUTED);
}

static void put_inner(const struct nika_story *s, struct line *l, const struct nika_tap *tap)
{
    bool named = !nika_is_client(tap->node) && s->protocol->timer_name != NULL;
    const char *name =
        tap->kind == NIKA_TAP_TIMER && named ? s->protocol->timer_name((uint32_t)tap->a) : NULL;
    if (tap->kind == NIKA_TAP_TIMER && name != NULL) put(l, "timer: %s", name);
    if (tap->kind == NIKA_TAP_TIMER && name == NULL) put(l, "timer %" PRIu64, tap->a);
    if (tap->kind == NIKA_TAP_PERSIST)
        put(l, "writes a record of kind %" PRIu64 ", sequence %" PRIu64, tap->a, tap->b);
    if (tap->kind == NIKA_TAP_STORED)
        put(l, "record of kind %" PRIu64 ", sequence %" PRIu64 " is durable", tap->a, tap->b);
    if (tap->kind == NIKA_TAP_EXECUTED) put(l, "the application executes %" PRIu64, tap->a);
}

static const char *fault_name(const struct nika_story *s, const struct nika_tap *tap)
{
    if (tap->kind != NIKA_TAP_FAULT || s->scenario == NULL || tap->a >= s->scenario->fault_count)
        return NULL;
    return s->scenario->faults[tap->a].ops->name;
}

bool nika_story_line(struct nika_story *s, const struct nika_tap *tap,
                     char out[NIKA_STORY_LINE_SIZE])
{
    struct line l = {out, 0};
    char node[16];
    bool message = tap->kind == NIKA_TAP_SENT || tap->kind == NIKA_TAP_DELIVERED ||
                   tap->kind == NIKA_TAP_DROPPED;
    const char *world = world_text(tap), *fault = fault_name(s, tap);
    bool told =
        message ? message_told(s, tap)
                : (tap->kind == NIKA_TAP_NOTE ? note_told(s, tap) : world != NULL || fault != NULL);
    told = told || inner_told(s, tap);
    if (!told) return false;
    put(&l, "%9" PRIu64 " us  %-3s ", tap->now_ns / 1000, nika_story_node(tap->node, node));
    if (inner_told(s, tap)) put_inner(s, &l, tap);
    if (message) put_message(s, &l, tap);
    if (tap->kind == NIKA_TAP_NOTE) {
        put_progress(s, &l, tap);
        put_complaint(s, &l, tap);
    }
    if (world != NULL) put(&l, "%s", world);
    if (fault != NULL) put(&l, "fault %s acts, time %" PRIu64, fault, tap->b);
    if (tap->kind == NIKA_TAP_INVOKED || tap->kind == NIKA_TAP_COMPLETED)
        put(&l, " %" PRIu64, tap->token);
    if (tap->kind == NIKA_TAP_RESTORED) put(&l, " %" PRIu64, tap->a);
    return true;
}

static bool message_concerns(const struct nika_story *s, const struct nika_tap *tap, uint64_t seq)
{
    struct nika_summary summary;
    s->protocol->describe(tap->frame->type, tap->frame->body, &summary);
    switch ((enum nika_message_class)summary.message_class) {
    case NIKA_MESSAGE_PROPOSE:
    case NIKA_MESSAGE_PREPARE:
    case NIKA_MESSAGE_COMMIT:
    case NIKA_MESSAGE_CHECKPOINT:
    case NIKA_MESSAGE_TRANSFER:
        return summary.seq == seq;
    case NIKA_MESSAGE_VIEW_CHANGE:
    case NIKA_MESSAGE_NEW_VIEW:
        return true;
    case NIKA_MESSAGE_OTHER:
    case NIKA_MESSAGE_REQUEST:
    case NIKA_MESSAGE_REPLY:
    case NIKA_MESSAGE_BATCH:
    case NIKA_MESSAGE_STATUS:
        return false;
    }
    return false;
}

bool nika_story_concerns(const struct nika_story *s, const struct nika_tap *tap, uint64_t seq)
{
    if (seq == 0) return true;
    if (tap->frame != NULL) return message_concerns(s, tap, seq);
    if (tap->kind != NIKA_TAP_NOTE)
        return tap->kind != NIKA_TAP_INVOKED && tap->kind != NIKA_TAP_COMPLETED;
    bool numbered = tap->a == NIKA_NOTE_COMMITTED || tap->a == NIKA_NOTE_EXECUTED ||
                    tap->a == NIKA_NOTE_STABLE || tap->a == NIKA_NOTE_CHECKPOINT;
    return numbered ? tap->note->a == seq : tap->a != NIKA_NOTE_REJECT;
}

bool nika_story_turn(struct nika_story *s, const struct nika_tap *tap, char *out, size_t size)
{
    char text[NIKA_STORY_LINE_SIZE] = "";
    struct line l = {text, 0};
    const char *fault = fault_name(s, tap);
    switch ((uint32_t)tap->kind) {
    case NIKA_TAP_CRASHED:
        put(&l, "%s", world_text(tap));
        break;
    case NIKA_TAP_GST: /* At time 0 nothing turns. */
        if (tap->now_ns > 0) put(&l, "%s", world_text(tap));
        break;
    case NIKA_TAP_RESTARTED:
        put(&l, "restarts%s", tap->a != 0 ? " and may have forgotten votes" : "");
        break;
    case NIKA_TAP_FAULT:
        if (fault != NULL) put(&l, "fault %s acts", fault);
        break;
    case NIKA_TAP_NOTE:
        if (tap->a == NIKA_NOTE_VIEW || tap->a == NIKA_NOTE_TRANSFER) put_progress(s, &l, tap);
        if (tap->a == NIKA_NOTE_EVIDENCE || tap->a == NIKA_NOTE_ALARM) put_complaint(s, &l, tap);
        break;
    default:
        break;
    }
    snprintf(out, size, "%s", text);
    return text[0] != '\0';
}
