/* engine/sim/trace.c: a run as JSON Lines (trace.h). Watches only; owns its line buffer, borrows file and world. */
#include "engine/sim/trace.h"

#include <stdlib.h>

#include "engine/sim/internal.h"

#define TEXT_SIZE 512u
#define BUFFER_SIZE 65536u

struct nika_trace {
    FILE *file;
    struct nika_world *world;
    bool failed;
    uint32_t used;
    char buffer[BUFFER_SIZE]; /* Not stdio's: a trace is written character by character. */
};

static void flush(struct nika_trace *t)
{
    if (t->used > 0 && fwrite(t->buffer, 1, t->used, t->file) != t->used) t->failed = true;
    t->used = 0;
}

static inline void put_char(struct nika_trace *t, char c)
{
    if (t->used == BUFFER_SIZE) flush(t);
    t->buffer[t->used++] = c;
}

static void put(struct nika_trace *t, const char *text)
{
    while (*text != '\0') put_char(t, *text++);
}

static void put_number(struct nika_trace *t, const char *before, uint64_t value)
{
    char digits[20];
    uint32_t count = 0;
    put(t, before);
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    while (count > 0) put_char(t, digits[--count]);
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

static void put_node(struct nika_trace *t, const char *key, uint32_t node)
{
    if (node == NIKA_NODE_NONE) return;
    put(t, ",\"");
    put(t, key);
    put_number(t, nika_is_client(node) ? "\":\"c" : "\":", nika_client_index(node));
    if (nika_is_client(node)) put_char(t, '"');
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

static void put_message(struct nika_trace *t, const struct nika_frame *frame)
{
    const struct nika_message_table *table = t->world->options.replica_ops->messages;
    char text[TEXT_SIZE] = "";
    if (frame->raw.data == NULL || frame->type >= table->count ||
        table->messages[frame->type] == NULL)
        return;
    const struct nika_message_info *info = table->messages[frame->type];
    put(t, ",\"m\":");
    put_text(t, info->name);
    (void)nika_message_text(info, frame->body, text, sizeof text);
    put(t, ",\"f\":");
    put_text(t, text);
}

/* The first bytes: enough to see that two runs executed different things. */
static void put_digest(struct nika_trace *t, const struct nika_digest *digest)
{
    if (digest == NULL) return;
    put(t, ",\"x\":\"");
    for (uint32_t i = 0; i < 4; i++) put_hex(t, digest->bytes[i]);
    put_char(t, '"');
}

static void on_tap(void *context, const struct nika_tap *tap)
{
    struct nika_trace *t = context;
    put_number(t, "{\"e\":", tap->event_index);
    put_number(t, ",\"t\":", tap->now_ns);
    put(t, ",\"k\":\"");
    put(t, kind_name(tap->kind));
    put_char(t, '"');
    put_node(t, "n", tap->node);
    put_node(t, "to", tap->to);
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
    put(t, "}\n");
}

static void on_decision(void *context, const struct nika_choice_name *name, uint64_t n,
                        uint64_t value)
{
    struct nika_trace *t = context;
    char text[TEXT_SIZE] = "";
    (void)n;
    if (value == 0) return;
    (void)nika_choice_name_text(name, text, sizeof text);
    put(t, "{\"d\":");
    put_text(t, text);
    put_number(t, ",\"v\":", value);
    put(t, "}\n");
}

struct nika_trace *nika_trace_new(FILE *file, const char *header, struct nika_world *w)
{
    struct nika_trace *t = calloc(1, sizeof *t);
    if (t == NULL) return NULL;
    t->file = file;
    t->world = w;
    put(t, header);
    put_char(t, '\n');
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
    put(t, "{\"end\":");
    put_text(t, verdict);
    put_number(t, ",\"events\":", nika_world_event_index(t->world));
    put_number(t, ",\"t\":", nika_world_now(t->world));
    put(t, ",\"digest\":\"");
    put(t, digest);
    put(t, "\"}\n");
    flush(t);
    if (fflush(t->file) != 0) t->failed = true;
    return t->failed ? NIKA_ERR_IO : NIKA_OK;
}

void nika_trace_free(struct nika_trace *t)
{
    free(t);
}
