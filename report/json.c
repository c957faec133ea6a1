/* report/json.c: the model as one JSON object, its lists as columns: small, and read at once by a page. Schema: docs/schemas/report.schema.json. */
#include <inttypes.h>
#include <stdlib.h>

#include "engine/core/check.h"
#include "engine/core/decimal.h"
#include "engine/core/effects.h"
#include "report/report.h"

#define TEXT_SIZE 512u
#define AUTH_SHOWN 16u /* Bytes of a signature: enough to tell two apart. */

void nika_report_string(FILE *file, const char *text)
{
    fputc('"', file);
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            fprintf(file, "\\%c", *c);
        } else if (*c < 0x20 || *c == '<' || *c == '>' || *c == '&' || *c == 0x7f) {
            fprintf(file, "\\u%04x", *c);
        } else if (*c < 0x80) {
            fputc(*c, file);
        } else if ((*c & 0xc0) != 0x80) {
            fputs("\\ufffd", file);
        }
    }
    fputc('"', file);
}

/* A value of jansson's, safe inside <script>. */
static void put_value(FILE *file, const json_t *value)
{
    char *text =
        value != NULL
            ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII | JSON_ENCODE_ANY)
            : NULL;
    if (text == NULL) fputs("null", file);
    for (const char *c = text; c != NULL && *c != '\0'; c++) {
        if (*c == '<' || *c == '>' || *c == '&')
            fprintf(file, "\\u%04x", (unsigned)*c); /* They stand in strings only. */
        else
            fputc(*c, file);
    }
    free(text);
}

/* Of a column: there are millions of them. */
static void put_number(FILE *file, int64_t value)
{
    char digits[NIKA_DECIMAL_SIZE];
    if (value < 0) fputc('-', file);
    uint32_t size = nika_decimal(digits, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    (void)fwrite(digits, 1, size, file);
}

enum event_column { TIME, EVENT, KIND, LANE, PEER, MESSAGE, CAUSE, DETAIL, A, B, EVENT_COLUMNS };
static const char *const event_names[EVENT_COLUMNS] = {
    [TIME] = "dt",         [EVENT] = "de",   [KIND] = "kind",     [LANE] = "lane", [PEER] = "peer",
    [MESSAGE] = "message", [CAUSE] = "back", [DETAIL] = "detail", [A] = "a",       [B] = "b"};

/* One number of an event. Times and events are differences to the one before: sums are short to write and to read. */
static int64_t event_cell(const struct nika_report_trace *t, uint32_t i, enum event_column column)
{
    const struct nika_report_event *e = nika_report_event_at(t, i),
                                   *before = i > 0 ? nika_report_event_at(t, i - 1) : NULL;
    switch (column) {
    case TIME:
        return (int64_t)(e->now_ns - (before != NULL ? before->now_ns : 0));
    case EVENT:
        return (int64_t)e->event - (before != NULL ? before->event : 0);
    case KIND:
        return e->kind;
    case LANE:
        return nika_report_lane(t, e->node);
    case PEER:
        return nika_report_lane(t, e->peer);
    case MESSAGE:
        return e->message == NIKA_REPORT_NONE ? -1 : (int64_t)e->message;
    case CAUSE:
        return e->cause == NIKA_REPORT_NONE ? 0 : (int64_t)i - e->cause;
    case DETAIL:
        return e->detail;
    case A:
        return e->kind == NIKA_TAP_SENT ? 0 : (int64_t)(e->a & INT64_MAX);
    case B:
        return (int64_t)(e->b & INT64_MAX);
    case EVENT_COLUMNS:
        break;
    }
    return 0;
}

static void put_events(FILE *file, const struct nika_report_trace *t)
{
    uint32_t count = nika_report_event_count(t);
    fprintf(file, "\"events\":{\"count\":%" PRIu32, count);
    for (uint32_t column = 0; column < EVENT_COLUMNS; column++) {
        fprintf(file, ",\n\"%s\":[", event_names[column]);
        for (uint32_t i = 0; i < count; i++) {
            if (i > 0) fputc(',', file);
            put_number(file, event_cell(t, i, (enum event_column)column));
        }
        fputc(']', file);
    }
    fputs("},\n", file);
}

static void put_numbers(FILE *file, const struct nika_report_trace *t, const char *name,
                        uint64_t (*get)(const struct nika_report_trace *,
                                        const struct nika_report_message *))
{
    fprintf(file, "\"%s\":[", name);
    for (uint32_t i = 0; i < nika_report_message_count(t); i++) {
        if (i > 0) fputc(',', file);
        put_number(file, (int64_t)get(t, nika_report_message_at(t, i)));
    }
    fputs("],\n", file);
}

static uint64_t get_type(const struct nika_report_trace *t, const struct nika_report_message *m)
{
    (void)t;
    return m->type;
}
static uint64_t get_view(const struct nika_report_trace *t, const struct nika_report_message *m)
{
    (void)t;
    return m->view & INT64_MAX;
}
static uint64_t get_seq(const struct nika_report_trace *t, const struct nika_report_message *m)
{
    (void)t;
    return m->seq & INT64_MAX;
}
static uint64_t get_size(const struct nika_report_trace *t, const struct nika_report_message *m)
{
    (void)t;
    return m->size;
}
static uint64_t get_auth(const struct nika_report_trace *t, const struct nika_report_message *m)
{
    (void)t;
    return m->auth_alg;
}
static uint64_t get_sender(const struct nika_report_trace *t, const struct nika_report_message *m)
{
    int32_t lane = nika_report_lane(t, m->sender);
    return lane < 0 ? 65535 : (uint64_t)lane;
}

static void put_texts(FILE *file, const struct nika_report_trace *t)
{
    char text[TEXT_SIZE];
    fputs("\"text\":[", file);
    for (uint32_t i = 0; i < nika_report_message_count(t); i++) {
        const struct nika_message_info *info = nika_report_info(t, i);
        struct nika_span raw = nika_report_frame(t, i),
                         body = {raw.data + NIKA_FRAME_HEAD_SIZE,
                                 nika_report_message_at(t, i)->body_size};
        text[0] = '\0';
        if (info != NULL) (void)nika_message_text(info, body, text, sizeof text);
        if (i > 0) fputs(",\n", file);
        nika_report_string(file, text);
    }
    fputs("],\n\"proof\":[", file);
    for (uint32_t i = 0; i < nika_report_message_count(t); i++) {
        struct nika_span raw = nika_report_frame(t, i);
        uint32_t size = raw.size - nika_frame_size(nika_report_message_at(t, i)->body_size, 0);
        const uint8_t *proof = raw.data + raw.size - size;
        fputs(i > 0 ? ",\"" : "\"", file);
        for (uint32_t k = 0; k < size && k < AUTH_SHOWN; k++) fprintf(file, "%02x", proof[k]);
        fputc('"', file);
    }
    fputs("]", file);
}

static void put_messages(FILE *file, const struct nika_report_trace *t)
{
    fprintf(file, "\"messages\":{\"count\":%" PRIu32 ",\n", nika_report_message_count(t));
    put_numbers(file, t, "type", get_type);
    put_numbers(file, t, "sender", get_sender);
    put_numbers(file, t, "view", get_view);
    put_numbers(file, t, "seq", get_seq);
    put_numbers(file, t, "size", get_size);
    put_numbers(file, t, "auth", get_auth);
    put_texts(file, t);
    fputs(",\n", file);
    nika_report_orders(t, file);
    fputs("},\n", file);
}

static void put_types(FILE *file, const struct nika_report_trace *t)
{
    const struct nika_message_table *table = nika_report_table(t);
    fputs("\"types\":[", file);
    for (uint32_t i = 0; i < table->count; i++) {
        const struct nika_message_info *info = table->messages[i];
        fputs(i > 0 ? "," : "", file);
        if (info == NULL) {
            fputs("null", file);
            continue;
        }
        fputs("{\"name\":", file);
        nika_report_string(file, info->name);
        fputs(",\"doc\":", file);
        nika_report_string(file, info->doc);
        fputs("}", file);
    }
    fputs("],\n\"timers\":{", file);
    for (uint32_t client = 0; client < 2; client++) {
        fprintf(file, "%s\"%s\":[", client > 0 ? "," : "", client > 0 ? "client" : "replica");
        for (uint32_t i = 0; i < NIKA_TIMERS_MAX; i++) {
            const char *name = nika_report_timer(t, client > 0, i);
            fputs(i > 0 ? "," : "", file);
            if (name != NULL)
                nika_report_string(file, name);
            else
                fputs("null", file);
        }
        fputs("]", file);
    }
    fputs("},\n\"kinds\":[", file);
    for (uint32_t i = 0; i < NIKA_TAP_COUNT; i++)
        fprintf(file, "%s\"%s\"", i > 0 ? "," : "", nika_report_kind(i));
    fputs("],\n", file);
}

/* What the rules that rejected something, or raised an alarm, say. */
static void put_checks(FILE *file, const struct nika_report_trace *t, const json_t *run)
{
    const json_t *rejects = json_object_get(run, "rejects");
    bool first = true, alarm[NIKA_CHECK_COUNT] = {false};
    for (uint32_t i = 0; i < nika_report_event_count(t); i++) {
        const struct nika_report_event *e = nika_report_event_at(t, i);
        if (e->kind == NIKA_TAP_NOTE && e->detail == NIKA_NOTE_ALARM && e->a < NIKA_CHECK_COUNT)
            alarm[e->a] = true;
    }
    fputs("\"checks\":{", file);
    for (uint32_t i = 1; i < NIKA_CHECK_COUNT; i++) {
        const char *name = nika_check_name((enum nika_check)i);
        if (json_object_get(rejects, name) == NULL && !alarm[i]) continue;
        fputs(first ? "" : ",", file);
        nika_report_string(file, name);
        fputs(":", file);
        nika_report_string(file, nika_check_doc((enum nika_check)i));
        first = false;
    }
    fputs("},\n", file);
}

/* The members of the object of one run. */
static void put_model(const struct nika_report *report, FILE *file)
{
    const struct nika_report_trace *t = report->trace;
    fprintf(file,
            "\"replicas\":%" PRIu32 ",\"clients\":%" PRIu32 ",\"lost\":%" PRIu64 ",\n\"run\":",
            nika_report_replicas(t), nika_report_clients(t), nika_report_lost(t));
    put_value(file, report->run);
    fputs(",\n\"scenario\":", file);
    put_value(file, report->scenario);
    fputs(",\n\"drawn\":", file);
    put_value(file, report->drawn);
    fputs(",\n", file);
    put_checks(file, t, report->run);
    put_types(file, t);
    put_messages(file, t);
    put_events(file, t);
}

void nika_report_json(const struct nika_report *report, FILE *file)
{
    fprintf(file, "{\"nika_report\":%d,\n", NIKA_REPORT_FORMAT);
    put_model(report, file);
    if (report->other != NULL) {
        fputs("\"diff\":", file);
        put_value(file, report->diff);
        fputs(",\n\"other\":{", file);
        put_model(report->other, file);
        fputs("\"end\":true},\n", file);
    }
    fputs("\"end\":true}\n", file);
}
