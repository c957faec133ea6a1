/* engine/sim/trace.c: a run as JSON Lines (trace.h). Watches only; owns its line buffer, borrows file and world. */
#include "engine/sim/trace.h"

#include <stdlib.h>

#include "engine/core/decimal.h"
#include "engine/core/digest.h"
#include "engine/sim/internal.h"
#include "engine/sim/trace_private.h"

#define KEPT_HASHED 48u /* Bytes of a body that choose its place: view and number are among them. */

void trace_flush(struct nika_trace *t)
{
    if (t->used > 0 && fwrite(t->buffer, 1, t->used, t->file) != t->used) t->failed = true;
    t->used = 0;
}

void trace_begin(struct nika_trace *t)
{
    if (TRACE_BUFFER_SIZE - t->used < TRACE_LINE_SIZE) trace_flush(t);
    t->line = t->used;
}

/* Inlined always: of a literal the compiler knows the length. */
__attribute__((always_inline)) static inline void put(struct nika_trace *t, const char *text)
{
    trace_put_bytes(t, text, (uint32_t)strlen(text));
}

__attribute__((always_inline)) static inline void put_number(struct nika_trace *t,
                                                             const char *before, uint64_t value)
{
    put(t, before);
    t->used += nika_decimal(t->buffer + t->used, value);
}

void trace_end(struct nika_trace *t)
{
    NIKA_ASSERT(t->used - t->line <= TRACE_LINE_SIZE);
}

static void end_line(struct nika_trace *t)
{
    put(t, "}\n");
    trace_end(t);
}

static void put_hex(struct nika_trace *t, uint8_t byte)
{
    static const char letters[] = "0123456789abcdef";
    trace_put_char(t, letters[byte >> 4]);
    trace_put_char(t, letters[byte & 15]);
}

/* A JSON string: quotes, backslashes and control characters escaped. */
static void put_text(struct nika_trace *t, const char *text)
{
    trace_put_char(t, '"');
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20) {
            put(t, "\\u00");
            put_hex(t, (uint8_t)*c);
            continue;
        }
        if (*c == '"' || *c == '\\') trace_put_char(t, '\\');
        trace_put_char(t, *c);
    }
    trace_put_char(t, '"');
}

__attribute__((always_inline)) static inline void put_node(struct nika_trace *t, const char *key,
                                                           uint32_t node)
{
    if (node == NIKA_NODE_NONE) return;
    put(t, key);
    if (!nika_is_client(node)) {
        put_number(t, "", node);
        return;
    }
    put_number(t, "\"c", nika_client_index(node));
    trace_put_char(t, '"');
}

/* With what closes its string: of one size, which the compiler knows. */
#define KIND_SIZE 12u
struct kind {
    uint8_t size;
    char text[KIND_SIZE];
};
#define KIND(name)                                                                                 \
    {                                                                                              \
        sizeof name "\"" - 1, name "\""                                                            \
    }

static const struct kind kinds[NIKA_TAP_COUNT] = {
    [NIKA_TAP_SENT] = KIND("send"),
    [NIKA_TAP_DELIVERED] = KIND("deliver"),
    [NIKA_TAP_DROPPED] = KIND("drop"),
    [NIKA_TAP_TIMER] = KIND("timer"),
    [NIKA_TAP_PERSIST] = KIND("persist"),
    [NIKA_TAP_STORED] = KIND("stored"),
    [NIKA_TAP_EXECUTED] = KIND("exec"),
    [NIKA_TAP_RESTORED] = KIND("restored"),
    [NIKA_TAP_NOTE] = KIND("note"),
    [NIKA_TAP_INVOKED] = KIND("invoke"),
    [NIKA_TAP_COMPLETED] = KIND("complete"),
    [NIKA_TAP_CRASHED] = KIND("crash"),
    [NIKA_TAP_RESTARTED] = KIND("restart"),
    [NIKA_TAP_FAULT] = KIND("fault"),
    [NIKA_TAP_GST] = KIND("gst"),
    [NIKA_TAP_TRUSTED] = KIND("trusted"),
    [NIKA_TAP_EVENT_END] = KIND("end"),
};
_Static_assert(sizeof "complete\"" - 1 < KIND_SIZE && sizeof "restored\"" - 1 < KIND_SIZE,
               "the longest fit");

static void put_kind(struct nika_trace *t, enum nika_tap_kind kind)
{
    memcpy(t->buffer + t->used, kinds[kind].text, KIND_SIZE);
    t->used += kinds[kind].size;
}

bool trace_has_message(const struct nika_trace *t, const struct nika_frame *frame)
{
    if (frame == NULL || frame->raw.data == NULL) return false;
    const struct nika_message_table *table = t->world->options.replica_ops->messages;
    return frame->type < table->count && table->messages[frame->type] != NULL;
}

struct trace_place trace_place_of(struct nika_trace *t, const struct nika_frame *frame)
{
    if (frame->body.size > TRACE_KEPT_BODY_SIZE) return (struct trace_place){NULL, false};
    uint32_t size = frame->body.size < KEPT_HASHED ? frame->body.size : KEPT_HASHED;
    struct trace_kept *k = &t->kept[nika_hash64(frame->body.data, size, frame->type) % TRACE_KEPT];
    bool known = k->text_size > 0 && k->type == frame->type && k->body_size == frame->body.size &&
                 memcmp(k->body, frame->body.data, frame->body.size) == 0;
    return (struct trace_place){k, known};
}

void trace_put_message(struct nika_trace *t, const struct nika_frame *frame,
                       const struct trace_place *place)
{
    uint32_t start = t->used;
    const struct nika_message_info *info =
        t->world->options.replica_ops->messages->messages[frame->type];
    struct trace_kept *kept = place->kept;
    put(t, ",\"m\":");
    put_text(t, info->name);
    put(t, ",\"f\":\"");
    /* Names of fields, digits and punctuation: nothing that JSON escapes. */
    t->used += (uint32_t)nika_message_text(info, frame->body, t->buffer + t->used, TRACE_TEXT_SIZE);
    trace_put_char(t, '"');
    uint32_t size = t->used - start;
    NIKA_ASSERT(size <= TRACE_MESSAGE_SIZE);
    if (kept == NULL) return;
    kept->text_size = 0; /* What was there is no more, whether or not this fits. */
    if (size > TRACE_KEPT_TEXT_SIZE) return;
    kept->type = frame->type;
    kept->body_size = frame->body.size;
    if (frame->body.size > 0) memcpy(kept->body, frame->body.data, frame->body.size);
    kept->text_size = size;
    memcpy(kept->text, t->buffer + start, size);
}

static void put_frame(struct nika_trace *t, const struct nika_frame *frame)
{
    if (!trace_has_message(t, frame)) return;
    struct trace_place place = trace_place_of(t, frame);
    if (place.known)
        trace_put_bytes(t, place.kept->text, place.kept->text_size);
    else
        trace_put_message(t, frame, &place);
}

static void put_digest(struct nika_trace *t, const struct nika_digest *digest)
{
    if (digest == NULL) return;
    put(t, ",\"x\":\"");
    for (uint32_t i = 0; i < TRACE_DIGEST_SHOWN; i++) put_hex(t, digest->bytes[i]);
    trace_put_char(t, '"');
}

/* Several lines of one event begin alike. */
static void put_head(struct nika_trace *t, uint64_t event, uint64_t now_ns)
{
    trace_begin(t);
    if (t->head_size > 0 && t->head_event == event && t->head_ns == now_ns) {
        trace_put_bytes(t, t->head, t->head_size);
        return;
    }
    uint32_t start = t->used;
    put_number(t, "{\"e\":", event);
    put_number(t, ",\"t\":", now_ns);
    put(t, ",\"k\":\"");
    t->head_event = event;
    t->head_ns = now_ns;
    t->head_size = t->used - start;
    NIKA_ASSERT(t->head_size <= TRACE_HEAD_SIZE);
    memcpy(t->head, t->buffer + start, t->head_size);
}

void trace_put_tap(struct nika_trace *t, const struct nika_tap *tap,
                   const struct nika_span *message)
{
    put_head(t, tap->event_index, tap->now_ns);
    put_kind(t, tap->kind);
    put_node(t, ",\"n\":", tap->node);
    put_node(t, ",\"to\":", tap->to);
    if (message == NULL)
        put_frame(t, tap->frame);
    else if (message->size > 0)
        trace_put_bytes(t, message->data, message->size);
    if (tap->kind == NIKA_TAP_NOTE) {
        put_number(t, ",\"note\":", tap->a);
        put_number(t, ",\"a\":", tap->note->a);
        put_number(t, ",\"b\":", tap->note->b);
        if (tap->a == NIKA_NOTE_REJECT && tap->note->a < NIKA_CHECK_COUNT) {
            put(t, ",\"check\":");
            put_text(t, nika_check_name((enum nika_check)tap->note->a));
        }
    } else if (trace_has_numbers(tap)) {
        put_number(t, ",\"a\":", tap->a);
        put_number(t, ",\"b\":", tap->b);
        put_number(t, ",\"token\":", tap->token);
        put_digest(t, tap->digest);
    }
    if (tap->certificate != NULL) {
        put_number(t, ",\"v\":", tap->certificate->value.view);
        put_number(t, ",\"o\":", tap->certificate->value.order);
    }
    end_line(t);
}

void trace_put_decision(struct nika_trace *t, const struct nika_choice_name *name, uint64_t value)
{
    char text[TRACE_TEXT_SIZE]; /* Without characters that JSON escapes. */
    trace_begin(t);
    put(t, "{\"d\":\"");
    trace_put_bytes(t, text, (uint32_t)nika_choice_name_text(name, text, sizeof text));
    put_number(t, "\",\"v\":", value);
    end_line(t);
}

void trace_put_ending(struct nika_trace *t, const struct trace_ending *ending)
{
    trace_begin(t);
    put(t, "{\"end\":");
    put_text(t, ending->verdict);
    put_number(t, ",\"events\":", ending->events);
    put_number(t, ",\"t\":", ending->now_ns);
    put(t, ",\"digest\":");
    put_text(t, ending->digest);
    end_line(t);
}

static void on_tap(void *context, const struct nika_tap *tap)
{
    trace_put_tap(context, tap, NULL);
}

static void on_decision(void *context, const struct nika_choice_name *name, uint64_t n,
                        uint64_t value)
{
    (void)n;
    if (value != 0) trace_put_decision(context, name, value);
}

struct nika_trace *nika_trace_new(FILE *file, const char *header, enum nika_trace_form form,
                                  struct nika_world *w)
{
    struct nika_trace *t = calloc(1, sizeof *t);
    if (t == NULL) return NULL;
    t->file = file;
    t->world = w;
    t->form = form;
    if (form == NIKA_TRACE_PACKED)
        t->failed = fwrite(trace_magic, 1, sizeof trace_magic, file) != sizeof trace_magic;
    /* It has a scenario in it: longer than a line of an event may be. */
    t->failed = fputs(header, file) == EOF || fputc('\n', file) == EOF || t->failed;
    return t;
}

void nika_trace_attach(struct nika_trace *t)
{
    bool packed = t->form == NIKA_TRACE_PACKED;
    struct nika_watcher watcher = {.context = t,
                                   .mask = (NIKA_TAP_BIT(NIKA_TAP_COUNT) - 1) &
                                           ~NIKA_TAP_BIT(NIKA_TAP_EVENT_END),
                                   .on_tap = packed ? trace_pack_tap : on_tap};
    nika_world_watch(t->world, &watcher);
    nika_world_chooser(t->world)->tap = packed ? trace_pack_decision : on_decision;
    nika_world_chooser(t->world)->tap_context = t;
}

enum nika_err nika_trace_end(struct nika_trace *t, const char *verdict)
{
    char digest[33];
    struct trace_ending ending = {.verdict = verdict,
                                  .digest = digest,
                                  .events = nika_world_event_index(t->world),
                                  .now_ns = nika_world_now(t->world)};
    nika_world_digest_text(t->world, digest);
    if (t->form == NIKA_TRACE_PACKED)
        trace_pack_ending(t, &ending);
    else
        trace_put_ending(t, &ending);
    trace_flush(t);
    if (fflush(t->file) != 0) t->failed = true;
    return t->failed ? NIKA_ERR_IO : NIKA_OK;
}

void nika_trace_free(struct nika_trace *t)
{
    free(t);
}
