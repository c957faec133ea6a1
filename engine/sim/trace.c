/* engine/sim/trace.c: a run as JSON Lines (trace.h). Watches only; owns its line buffer, borrows file and world. */
#include "engine/sim/trace.h"

#include <stdlib.h>

#include "engine/core/decimal.h"
#include "engine/core/digest.h"
#include "engine/sim/internal.h"

#define TEXT_SIZE 512u
#define BUFFER_SIZE (1u << 18)
#define LINE_SIZE 4096u /* No line of an event or a decision is longer; room for it is made once. */
#define HEAD_SIZE 64u
/* Texts of messages that were written lately: what is sent to all is written once for each receiver. */
#define KEPT 512u
#define KEPT_HASHED 48u /* Bytes of a body that choose its place: view and number are among them. */
#define KEPT_BODY_SIZE 320u
#define KEPT_TEXT_SIZE 320u
_Static_assert(LINE_SIZE >= 6 * TEXT_SIZE + 512, "a text of control characters fits");

struct kept {
    uint32_t body_size, text_size; /* text_size 0 = nothing is kept here. */
    uint8_t type;
    uint8_t body[KEPT_BODY_SIZE];
    char text[KEPT_TEXT_SIZE];
};
struct nika_trace {
    FILE *file;
    struct nika_world *world;
    bool failed;
    uint32_t used, line; /* Where the line that is written now begins. */
    /* How lines of one event begin. */
    uint64_t head_event, head_ns;
    uint32_t head_size;
    char head[HEAD_SIZE];
    struct kept kept[KEPT];
    char buffer[BUFFER_SIZE]; /* Not stdio's: a trace is written in small pieces. */
};

static void flush(struct nika_trace *t)
{
    if (t->used > 0 && fwrite(t->buffer, 1, t->used, t->file) != t->used) t->failed = true;
    t->used = 0;
}

/* Room for a whole line; its pieces look no more, end_line() looks once. */
static void begin_line(struct nika_trace *t)
{
    if (BUFFER_SIZE - t->used < LINE_SIZE) flush(t);
    t->line = t->used;
}

static inline void put_bytes(struct nika_trace *t, const char *bytes, uint32_t size)
{
    memcpy(t->buffer + t->used, bytes, size);
    t->used += size;
}

static inline void put_char(struct nika_trace *t, char c)
{
    t->buffer[t->used++] = c;
}

/* Inlined always: of a literal the compiler knows the length. */
__attribute__((always_inline)) static inline void put(struct nika_trace *t, const char *text)
{
    put_bytes(t, text, (uint32_t)strlen(text));
}

__attribute__((always_inline)) static inline void put_number(struct nika_trace *t,
                                                             const char *before, uint64_t value)
{
    put(t, before);
    t->used += nika_decimal(t->buffer + t->used, value);
}

static void end_line(struct nika_trace *t)
{
    put_bytes(t, "}\n", 2);
    NIKA_ASSERT(t->used - t->line <= LINE_SIZE);
}

static void put_hex(struct nika_trace *t, uint8_t byte)
{
    static const char letters[] = "0123456789abcdef";
    put_char(t, letters[byte >> 4]);
    put_char(t, letters[byte & 15]);
}

/* A JSON string: quotes, backslashes and control characters escaped. */
static void put_text(struct nika_trace *t, const char *text)
{
    put_char(t, '"');
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20) {
            put(t, "\\u00");
            put_hex(t, (uint8_t)*c);
            continue;
        }
        if (*c == '"' || *c == '\\') put_char(t, '\\');
        put_char(t, *c);
    }
    put_char(t, '"');
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
    put_char(t, '"');
}

static const char *kind_name(enum nika_tap_kind kind)
{
    static const char *const names[NIKA_TAP_COUNT] = {
        [NIKA_TAP_SENT] = "send",
        [NIKA_TAP_DELIVERED] = "deliver",
        [NIKA_TAP_DROPPED] = "drop",
        [NIKA_TAP_TIMER] = "timer",
        [NIKA_TAP_PERSIST] = "persist",
        [NIKA_TAP_STORED] = "stored",
        [NIKA_TAP_EXECUTED] = "exec",
        [NIKA_TAP_RESTORED] = "restored",
        [NIKA_TAP_NOTE] = "note",
        [NIKA_TAP_INVOKED] = "invoke",
        [NIKA_TAP_COMPLETED] = "complete",
        [NIKA_TAP_CRASHED] = "crash",
        [NIKA_TAP_RESTARTED] = "restart",
        [NIKA_TAP_FAULT] = "fault",
        [NIKA_TAP_GST] = "gst",
        [NIKA_TAP_TRUSTED] = "trusted",
        [NIKA_TAP_EVENT_END] = "end",
    };
    return names[kind];
}

/* The place of a message among those that are kept; NULL when it is too long for that. */
static struct kept *kept_of(struct nika_trace *t, const struct nika_frame *frame)
{
    if (frame->body.size > KEPT_BODY_SIZE) return NULL;
    uint32_t size = frame->body.size < KEPT_HASHED ? frame->body.size : KEPT_HASHED;
    return &t->kept[nika_hash64(frame->body.data, size, frame->type) % KEPT];
}

static bool is_kept(const struct kept *k, const struct nika_frame *frame)
{
    return k->text_size > 0 && k->type == frame->type && k->body_size == frame->body.size &&
           memcmp(k->body, frame->body.data, frame->body.size) == 0;
}

static void put_message(struct nika_trace *t, const struct nika_frame *frame)
{
    const struct nika_message_table *table = t->world->options.replica_ops->messages;
    if (frame->raw.data == NULL || frame->type >= table->count ||
        table->messages[frame->type] == NULL)
        return;
    struct kept *kept = kept_of(t, frame);
    if (kept != NULL && is_kept(kept, frame)) {
        put_bytes(t, kept->text, kept->text_size);
        return;
    }
    char text[TEXT_SIZE];
    uint32_t start = t->used;
    const struct nika_message_info *info = table->messages[frame->type];
    put(t, ",\"m\":");
    put_text(t, info->name);
    (void)nika_message_text(info, frame->body, text, sizeof text);
    put(t, ",\"f\":");
    put_text(t, text);
    if (kept == NULL || t->used - start > KEPT_TEXT_SIZE) return;
    kept->type = frame->type;
    kept->body_size = frame->body.size;
    if (frame->body.size > 0) memcpy(kept->body, frame->body.data, frame->body.size);
    kept->text_size = t->used - start;
    memcpy(kept->text, t->buffer + start, kept->text_size);
}

/* The first bytes: enough to see that two runs executed different things. */
static void put_digest(struct nika_trace *t, const struct nika_digest *digest)
{
    if (digest == NULL) return;
    put(t, ",\"x\":\"");
    for (uint32_t i = 0; i < 4; i++) put_hex(t, digest->bytes[i]);
    put_char(t, '"');
}

/* Several lines of one event begin alike. */
static void put_head(struct nika_trace *t, uint64_t event, uint64_t now_ns)
{
    begin_line(t);
    if (t->head_size > 0 && t->head_event == event && t->head_ns == now_ns) {
        put_bytes(t, t->head, t->head_size);
        return;
    }
    uint32_t start = t->used;
    put_number(t, "{\"e\":", event);
    put_number(t, ",\"t\":", now_ns);
    put(t, ",\"k\":\"");
    t->head_event = event;
    t->head_ns = now_ns;
    t->head_size = t->used - start;
    NIKA_ASSERT(t->head_size <= HEAD_SIZE);
    memcpy(t->head, t->buffer + start, t->head_size);
}

static void on_tap(void *context, const struct nika_tap *tap)
{
    struct nika_trace *t = context;
    put_head(t, tap->event_index, tap->now_ns);
    put(t, kind_name(tap->kind));
    put_char(t, '"');
    put_node(t, ",\"n\":", tap->node);
    put_node(t, ",\"to\":", tap->to);
    if (tap->frame != NULL) put_message(t, tap->frame);
    if (tap->kind == NIKA_TAP_NOTE) {
        put_number(t, ",\"note\":", tap->a);
        put_number(t, ",\"a\":", tap->note->a);
        put_number(t, ",\"b\":", tap->note->b);
        if (tap->a == NIKA_NOTE_REJECT && tap->note->a < NIKA_CHECK_COUNT) {
            put(t, ",\"check\":");
            put_text(t, nika_check_name((enum nika_check)tap->note->a));
        }
    } else if (tap->frame == NULL || tap->kind == NIKA_TAP_DROPPED) {
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

static void on_decision(void *context, const struct nika_choice_name *name, uint64_t n,
                        uint64_t value)
{
    struct nika_trace *t = context;
    char text[TEXT_SIZE]; /* Without characters that JSON escapes. */
    (void)n;
    if (value == 0) return;
    begin_line(t);
    put(t, "{\"d\":\"");
    put_bytes(t, text, (uint32_t)nika_choice_name_text(name, text, sizeof text));
    put_number(t, "\",\"v\":", value);
    end_line(t);
}

struct nika_trace *nika_trace_new(FILE *file, const char *header, struct nika_world *w)
{
    struct nika_trace *t = calloc(1, sizeof *t);
    if (t == NULL) return NULL;
    t->file = file;
    t->world = w;
    /* It has a scenario in it: longer than a line of an event may be. */
    t->failed = fputs(header, file) == EOF || fputc('\n', file) == EOF;
    return t;
}

void nika_trace_attach(struct nika_trace *t)
{
    struct nika_watcher watcher = {.context = t,
                                   .mask = (NIKA_TAP_BIT(NIKA_TAP_COUNT) - 1) &
                                           ~NIKA_TAP_BIT(NIKA_TAP_EVENT_END),
                                   .on_tap = on_tap};
    nika_world_watch(t->world, &watcher);
    nika_world_chooser(t->world)->tap = on_decision;
    nika_world_chooser(t->world)->tap_context = t;
}

enum nika_err nika_trace_end(struct nika_trace *t, const char *verdict)
{
    char digest[33];
    nika_world_digest_text(t->world, digest);
    begin_line(t);
    put(t, "{\"end\":");
    put_text(t, verdict);
    put_number(t, ",\"events\":", nika_world_event_index(t->world));
    put_number(t, ",\"t\":", nika_world_now(t->world));
    put(t, ",\"digest\":\"");
    put(t, digest);
    put_char(t, '"');
    end_line(t);
    flush(t);
    if (fflush(t->file) != 0) t->failed = true;
    return t->failed ? NIKA_ERR_IO : NIKA_OK;
}

void nika_trace_free(struct nika_trace *t)
{
    free(t);
}
