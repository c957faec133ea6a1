/* report/report.h: a finished run as one model, and its writers: JSON, page, Chrome trace, pcapng, JUnit, SARIF.
 *
 * The model is what a watcher saw (events and the messages behind them, each message kept once) and what the run says of itself (a
 * JSON object that the caller makes). Watches only, never steers; reads no clock. Memory is bounded: past the limits below later
 * events are counted and not kept. */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "engine/core/tap.h"
#include "engine/sim/world.h"

#define NIKA_REPORT_FORMAT 1
#define NIKA_REPORT_EVENTS_MAX 4000000u
#define NIKA_REPORT_MESSAGES_MAX 2000000u
#define NIKA_REPORT_BYTES_MAX (512u * 1024u * 1024u) /* Of all messages. */
#define NIKA_REPORT_NONE UINT32_MAX

struct nika_report_event {
    uint64_t now_ns;
    uint64_t a, b;
    uint32_t event;   /* Index of the world's event in which it happened. */
    uint32_t message; /* Index, or NIKA_REPORT_NONE. */
    /* The event that led to this one: the send of what is delivered, the input of the handler that sends. */
    uint32_t cause;
    uint32_t node; /* Where it happened: of a delivery, the receiver. */
    uint32_t peer; /* The other end of a message, or NIKA_NODE_NONE. */
    uint32_t
        detail; /* Of a note its kind, of a loss its reason, of a timer its slot, of a fault its number. */
    uint32_t kind; /* enum nika_tap_kind */
};
struct nika_report_message {
    uint64_t view, seq;
    uint64_t offset; /* Of the whole frame among the bytes. */
    uint32_t size, body_size, sender;
    uint32_t last_send; /* The newest event that sent it. */
    uint8_t type, auth_alg;
};
struct nika_report_trace;

/* A model of the run that this world begins, watching from now on; `table` names its messages. NULL when memory is short. The trace may
 * outlive the world once it is closed. */
struct nika_report_trace *nika_report_trace_new(struct nika_world *world,
                                                const struct nika_message_table *table);
/* What the world does from now on is another run. */
void nika_report_trace_close(struct nika_report_trace *trace);
void nika_report_trace_free(struct nika_report_trace *trace);
uint32_t nika_report_event_count(const struct nika_report_trace *trace);
const struct nika_report_event *nika_report_event_at(const struct nika_report_trace *trace,
                                                     uint32_t index);
uint32_t nika_report_message_count(const struct nika_report_trace *trace);
const struct nika_report_message *nika_report_message_at(const struct nika_report_trace *trace,
                                                         uint32_t index);
/* The whole frame of a message, as it was sent. */
struct nika_span nika_report_frame(const struct nika_report_trace *trace, uint32_t message);
/* What kind of message it is. NULL when the protocol has no such. */
const struct nika_message_info *nika_report_info(const struct nika_report_trace *trace,
                                                 uint32_t message);
const struct nika_message_table *nika_report_table(const struct nika_report_trace *trace);
/* Events that were not kept. */
uint64_t nika_report_lost(const struct nika_report_trace *trace);
/* Replicas, then clients that appear. */
uint32_t nika_report_replicas(const struct nika_report_trace *trace);
uint32_t nika_report_clients(const struct nika_report_trace *trace);
/* What a timer slot of a replica, or of a client, is for. NULL when it has no name. */
const char *nika_report_timer(const struct nika_report_trace *trace, bool client, uint32_t slot);
/* "r0" is 0; clients follow the replicas; -1 for none. */
int32_t nika_report_lane(const struct nika_report_trace *trace, uint32_t node);
/* "send", "deliver", ... of enum nika_tap_kind, as in traces. */
const char *nika_report_kind(uint32_t kind);

/* A run as its writers take it. All borrowed. */
struct nika_report {
    const json_t *run;      /* As `nika run --json` prints it. */
    const json_t *scenario; /* As loaded. */
    const json_t *drawn;    /* As the seed drew it. */
    const struct nika_report_trace *trace;
    /* The run that it is compared with, and how they differ, as `nika diff --json` prints it. NULL = no other. */
    const struct nika_report *other;
    const json_t *diff;
};
enum nika_report_format {
    NIKA_REPORT_TEXT, /* Written by the caller. */
    NIKA_REPORT_JSON,
    NIKA_REPORT_HTML,
    NIKA_REPORT_CHROME,
    NIKA_REPORT_PCAPNG,
    NIKA_REPORT_JUNIT,
    NIKA_REPORT_SARIF,
    NIKA_REPORT_FORMAT_COUNT
};
/* "json"; NULL behind the last. */
const char *nika_report_format_name(uint32_t index);
/* By name. False when there is no such format. */
bool nika_report_format_find(const char *name, enum nika_report_format *out);
/* By the end of a file name: .html, .json, .junit.xml or .xml, .sarif, .pcapng, .txt; .trace.json is Chrome's. */
bool nika_report_format_of_file(const char *path, enum nika_report_format *out);

/* Write. False when not all of it reached the file, or when the format has no writer here (text). */
NIKA_MUST_USE bool nika_report_write(const struct nika_report *report,
                                     enum nika_report_format format, FILE *file);

/* The failures of a campaign's summary as SARIF. */
void nika_report_sarif_campaign(const json_t *summary, const char *version, FILE *file);

/* ---- Of the writers, for each other ---- */
void nika_report_json(const struct nika_report *report, FILE *file);
void nika_report_html(const struct nika_report *report, FILE *file);
void nika_report_chrome(const struct nika_report *report, FILE *file);
void nika_report_pcapng(const struct nika_report *report, FILE *file);
void nika_report_junit(const struct nika_report *report, FILE *file);
void nika_report_sarif(const struct nika_report *report, FILE *file);
/* A member "orders" of the messages: what those of a view change say of numbers, a list of [message, field, view, number, digest or ""
 * for the null batch]. */
void nika_report_orders(const struct nika_report_trace *trace, FILE *file);
/* A JSON string that may also stand inside <script>: "<" is written as an escape, bytes that are no ASCII as U+FFFD. */
void nika_report_string(FILE *file, const char *text);

#endif
