/* report/chrome.c: the model in Chrome's trace event format, which Perfetto opens: a thread for each node, an arrow for each delivery.
 * Times are virtual; what takes no time is drawn one microsecond long. */
#include <inttypes.h>

#include "report/report.h"

static void put_head(FILE *file, const char *phase, uint32_t lane, uint64_t now_ns)
{
    fprintf(file, ",\n{\"ph\":\"%s\",\"pid\":1,\"tid\":%" PRIu32 ",\"ts\":%" PRIu64 ".%03" PRIu64,
            phase, lane + 1, now_ns / 1000, now_ns % 1000);
}

static const char *name_of(const struct nika_report_trace *t, const struct nika_report_event *e)
{
    const struct nika_message_info *info =
        e->message != NIKA_REPORT_NONE ? nika_report_info(t, e->message) : NULL;
    return info != NULL ? info->name : nika_report_kind(e->kind);
}

static void put_args(FILE *file, const struct nika_report_trace *t,
                     const struct nika_report_event *e)
{
    fprintf(file, ",\"args\":{\"event\":%" PRIu32, e->event);
    if (e->message != NIKA_REPORT_NONE) {
        const struct nika_report_message *m = nika_report_message_at(t, e->message);
        fprintf(file, ",\"view\":%" PRIu64 ",\"sequence\":%" PRIu64 ",\"bytes\":%" PRIu32, m->view,
                m->seq, m->size);
    } else {
        fprintf(file, ",\"a\":%" PRIu64 ",\"b\":%" PRIu64, e->a, e->b);
    }
    fputs("}}", file);
}

static void put_names(FILE *file, const struct nika_report_trace *t)
{
    uint32_t replicas = nika_report_replicas(t), count = replicas + nika_report_clients(t);
    fputs("{\"ph\":\"M\",\"pid\":1,\"tid\":0,\"name\":\"process_name\",\"args\":{\"name\":\"nika, "
          "virtual time\"}}",
          file);
    for (uint32_t i = 0; i < count; i++)
        fprintf(file,
                ",\n{\"ph\":\"M\",\"pid\":1,\"tid\":%" PRIu32
                ",\"name\":\"thread_name\",\"args\":{\"name\":\"%s %" PRIu32 "\"}}",
                i + 1, i < replicas ? "replica" : "client", i < replicas ? i : i - replicas);
}

static void put_event(FILE *file, const struct nika_report_trace *t, uint32_t i)
{
    const struct nika_report_event *e = nika_report_event_at(t, i);
    int32_t lane = nika_report_lane(t, e->node);
    bool message = e->kind == NIKA_TAP_SENT || e->kind == NIKA_TAP_DELIVERED;
    if (lane < 0) return;
    put_head(file, message ? "X" : "i", (uint32_t)lane, e->now_ns);
    fprintf(file, ",\"cat\":\"%s\",\"name\":\"%s%s\"%s", nika_report_kind(e->kind),
            e->kind == NIKA_TAP_SENT ? "send " : "", name_of(t, e),
            message ? ",\"dur\":1" : ",\"s\":\"t\"");
    put_args(file, t, e);
    if (e->kind != NIKA_TAP_DELIVERED || e->cause == NIKA_REPORT_NONE) return;
    const struct nika_report_event *send = nika_report_event_at(t, e->cause);
    int32_t from = nika_report_lane(t, send->node);
    if (from < 0) return;
    put_head(file, "s", (uint32_t)from, send->now_ns);
    fprintf(file, ",\"cat\":\"message\",\"name\":\"%s\",\"id\":%" PRIu32 "}", name_of(t, e), i);
    put_head(file, "f", (uint32_t)lane, e->now_ns);
    fprintf(file, ",\"bp\":\"e\",\"cat\":\"message\",\"name\":\"%s\",\"id\":%" PRIu32 "}",
            name_of(t, e), i);
}

void nika_report_chrome(const struct nika_report *report, FILE *file)
{
    const struct nika_report_trace *t = report->trace;
    fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n", file);
    put_names(file, t);
    for (uint32_t i = 0; i < nika_report_event_count(t); i++) put_event(file, t, i);
    fputs("\n]}\n", file);
}
