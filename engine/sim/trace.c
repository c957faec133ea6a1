/* engine/sim/trace.c: a run as JSON Lines (trace.h). Watches only; owns its line buffer, borrows file and world. */
#include "engine/sim/trace.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "engine/sim/internal.h"

#define TEXT_SIZE 512u

struct nika_trace {
    FILE *file;
    struct nika_world *world;
    bool failed;
};

static void put(struct nika_trace *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void put(struct nika_trace *t, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (vfprintf(t->file, format, arguments) < 0) t->failed = true;
    va_end(arguments);
}

/* A JSON string: quotes, backslashes and control characters escaped. */
static void put_text(struct nika_trace *t, const char *text)
{
    put(t, "\"");
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            put(t, "\\%c", *c);
        else if ((unsigned char)*c < 0x20)
            put(t, "\\u%04x", (unsigned)*c);
        else
            put(t, "%c", *c);
    }
    put(t, "\"");
}

static void put_node(struct nika_trace *t, const char *key, uint32_t node)
{
    if (node == NIKA_NODE_NONE) return;
    if (nika_is_client(node))
        put(t, ",\"%s\":\"c%u\"", key, nika_client_index(node));
    else
        put(t, ",\"%s\":%u", key, node);
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
    put(t, ",\"x\":\"%02x%02x%02x%02x\"", digest->bytes[0], digest->bytes[1], digest->bytes[2],
        digest->bytes[3]);
}

static void on_tap(void *context, const struct nika_tap *tap)
{
    struct nika_trace *t = context;
    put(t, "{\"e\":%" PRIu64 ",\"t\":%" PRIu64 ",\"k\":\"%s\"", tap->event_index, tap->now_ns,
        kind_name(tap->kind));
    put_node(t, "n", tap->node);
    put_node(t, "to", tap->to);
    if (tap->frame != NULL) put_message(t, tap->frame);
    if (tap->kind == NIKA_TAP_NOTE) {
        put(t, ",\"note\":%" PRIu64 ",\"a\":%" PRIu64 ",\"b\":%" PRIu64, tap->a, tap->note->a,
            tap->note->b);
        if (tap->a == NIKA_NOTE_REJECT && tap->note->a < NIKA_CHECK_COUNT) {
            put(t, ",\"check\":");
            put_text(t, nika_check_name((enum nika_check)tap->note->a));
        }
    } else if (tap->frame == NULL || tap->kind == NIKA_TAP_DROPPED) {
        put(t, ",\"a\":%" PRIu64 ",\"b\":%" PRIu64 ",\"token\":%" PRIu64, tap->a, tap->b,
            tap->token);
        put_digest(t, tap->digest);
    }
    if (tap->certificate != NULL) {
        put(t, ",\"v\":%" PRIu64 ",\"o\":%" PRIu64, tap->certificate->value.view,
            tap->certificate->value.order);
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
    put(t, ",\"v\":%" PRIu64 "}\n", value);
}

struct nika_trace *nika_trace_new(FILE *file, const char *header, struct nika_world *w)
{
    struct nika_trace *t = calloc(1, sizeof *t);
    if (t == NULL) return NULL;
    t->file = file;
    t->world = w;
    put(t, "%s\n", header);
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
    put(t, ",\"events\":%" PRIu64 ",\"t\":%" PRIu64 ",\"digest\":\"%s\"}\n",
        nika_world_event_index(t->world), nika_world_now(t->world), digest);
    if (fflush(t->file) != 0) t->failed = true;
    return t->failed ? NIKA_ERR_IO : NIKA_OK;
}

void nika_trace_free(struct nika_trace *t)
{
    free(t);
}
