/* cli/report.c: a finished run as text, Markdown and JSON. */
#include <inttypes.h>
#include <stdlib.h>

#include "cli/cli.h"

const char *cli_node_text(uint32_t node, char out[24])
{
    if (node == NIKA_NODE_NONE) {
        snprintf(out, 24, "-");
    } else if (nika_is_client(node)) {
        snprintf(out, 24, "client %u", nika_client_index(node));
    } else {
        snprintf(out, 24, "replica %u", node);
    }
    return out;
}

static void append_quoted(char *out, size_t size, const char *text)
{
    size_t used = strlen(out);
    bool plain =
        text[0] != '\0' &&
        text[strspn(text,
                    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=+,:")] ==
            '\0';
    if (plain) {
        snprintf(out + used, size - used, "%s", text);
        return;
    }
    if (used + 1 < size) out[used++] = '\'';
    for (; *text != '\0' && used + 6 < size; text++) {
        if (*text == '\'') {
            memcpy(out + used, "'\\''", 4);
            used += 4;
        } else {
            out[used++] = *text;
        }
    }
    if (used + 1 < size) out[used++] = '\'';
    out[used < size ? used : size - 1] = '\0';
}

void cli_reproduce(const struct cli_run_request *request, char *out, size_t size)
{
    snprintf(out, size, "nika run ");
    append_quoted(out, size, request->path);
    size_t used = strlen(out);
    snprintf(out + used, size - used, " --seed %" PRIu64, request->seed);
    for (uint32_t i = 0; i < request->set_count; i++) {
        used = strlen(out);
        snprintf(out + used, size - used, " --set ");
        append_quoted(out, size, request->sets[i]);
    }
}

static const char *targets_text(const uint64_t targets[2], char *out, size_t size)
{
    out[0] = '\0';
    for (uint32_t i = 0; i < NIKA_REPLICAS_MAX; i++) {
        size_t used = strlen(out);
        if ((targets[i / 64] >> (i % 64) & 1) != 0)
            snprintf(out + used, size - used, "%s%u", used > 0 ? "," : "", i);
    }
    if (out[0] == '\0') snprintf(out, size, "-");
    return out;
}

void cli_wait_text(const struct nika_replica_result *replica, char *out, size_t size)
{
    const struct nika_replica_status *s = &replica->status;
    if (!replica->up) {
        snprintf(out, size, "is down");
        return;
    }
    snprintf(out, size,
             "is in view %" PRIu64 "%s, executed %" PRIu64 ", stable %" PRIu64
             ", %u requests pending%s",
             s->view, s->active ? "" : " (view change)", s->last_executed, s->low_mark, s->pending,
             s->transferring ? ", transferring state" : "");
}

static uint64_t dropped_total(const struct nika_run_result *r)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < 8; i++) total += r->stats.dropped[i];
    return total;
}

static void human_faults(const struct nika_run_result *r, FILE *file)
{
    char targets[200];
    for (uint32_t i = 0; i < r->fault_count; i++) {
        const struct nika_fault_result *f = &r->faults[i];
        if (f->present) {
            fprintf(file, "%s%-20s targets %-8s acted %" PRIu64 "\n",
                    i == 0 ? "faults    " : "          ", f->name,
                    targets_text(f->targets, targets, sizeof targets), f->acted);
        } else {
            fprintf(file, "%s%-20s not part of this run\n", i == 0 ? "faults    " : "          ",
                    f->name);
        }
    }
}

static void human_failure(const struct cli_run_request *request, const struct nika_run_result *r,
                          FILE *file)
{
    char line[4096], node[24], wait[200];
    if (r->requests_completed < r->requests_expected) {
        for (uint32_t i = 0; i < r->replica_count && i < 16; i++) {
            cli_wait_text(&r->replicas[i], wait, sizeof wait);
            fprintf(file, "%sreplica %u%s %s\n", i == 0 ? "stalled   " : "          ", i,
                    r->replicas[i].corrupted ? " (corrupted)" : "", wait);
        }
    }
    for (uint32_t i = 0; i < r->violation_count; i++) {
        const struct nika_violation *v = &r->violations[i];
        fprintf(file,
                "property  %s %s, %s, sequence %" PRIu64 ", at %" PRIu64 ".%06" PRIu64
                " s, event %" PRIu64 "\n          %s\n",
                nika_oracle_list[v->oracle]->id, nika_oracle_list[v->oracle]->name,
                cli_node_text(v->node, node), v->seq, v->now_ns / 1000000000,
                v->now_ns / 1000 % 1000000, v->event_index, v->sentence);
    }
    cli_reproduce(request, line, sizeof line);
    fprintf(file, "reproduce %s\n", line);
}

void cli_report_human(const struct cli_run_request *request, const struct nika_run_result *r,
                      uint64_t wall_ns, FILE *file)
{
    const char *colour = cli_colour(file, r->exit_class == 0 ? "32" : "31"),
               *off = cli_colour(file, "0");
    char line[4096];
    fprintf(file, "\nverdict   %s%s%s\n          %s\n\n", colour, nika_exit_name(r->exit_class),
            off, r->sentence);
    human_faults(r, file);
    fprintf(file, "requests  %" PRIu64 " of %" PRIu64 " completed\n", r->requests_completed,
            r->requests_expected);
    fprintf(file, "views     %" PRIu64 "   state transfers %" PRIu64 "\n", r->view_max,
            r->transfers);
    fprintf(file, "events    %" PRIu64 "   messages %" PRIu64 " delivered, %" PRIu64 " dropped\n",
            r->stats.events, r->stats.messages_delivered, dropped_total(r));
    fprintf(file,
            "time      %" PRIu64 ".%03" PRIu64 " s virtual, %" PRIu64 ".%03" PRIu64 " s wall\n",
            r->stats.now_ns / 1000000000, r->stats.now_ns / 1000000 % 1000, wall_ns / 1000000000,
            wall_ns / 1000000 % 1000);
    fprintf(file, "digest    %s\n", r->digest);
    if (r->exit_class != NIKA_EXIT_HELD) {
        fprintf(file, "\n");
        human_failure(request, r, file);
    } else {
        cli_reproduce(request, line, sizeof line);
        fprintf(file, "reproduce %s\n", line);
    }
}

static void markdown_tables(const struct nika_run_result *r, FILE *file)
{
    char targets[200], node[24], wait[200];
    if (r->fault_count > 0)
        fprintf(file, "\n## Faults\n\n| # | fault | targets | acted |\n|---|---|---|---|\n");
    for (uint32_t i = 0; i < r->fault_count; i++) {
        const struct nika_fault_result *f = &r->faults[i];
        fprintf(file, "| %u | %s | %s | ", i, f->name,
                targets_text(f->targets, targets, sizeof targets));
        if (f->present) fprintf(file, "%" PRIu64 " |\n", f->acted);
        if (!f->present) fprintf(file, "not part of this run |\n");
    }
    fprintf(file, "\n## Properties\n\n| id | property | result |\n|---|---|---|\n");
    for (uint32_t i = 0; i < nika_oracle_count; i++) {
        uint32_t count = 0;
        for (uint32_t k = 0; k < r->violation_count; k++) count += r->violations[k].oracle == i;
        fprintf(file, "| %s | %s: %s | %s |\n", nika_oracle_list[i]->id, nika_oracle_list[i]->name,
                nika_oracle_list[i]->doc, count > 0 ? "**violated**" : "held");
    }
    if (r->violation_count > 0) fprintf(file, "\n## Violations\n\n");
    for (uint32_t i = 0; i < r->violation_count; i++) {
        const struct nika_violation *v = &r->violations[i];
        fprintf(file,
                "%u. **%s** %s, sequence %" PRIu64 ", %" PRIu64 " ns, event %" PRIu64 ": %s\n",
                i + 1, nika_oracle_list[v->oracle]->id, cli_node_text(v->node, node), v->seq,
                v->now_ns, v->event_index, v->sentence);
    }
    fprintf(file, "\n## Replicas at the end\n\n");
    for (uint32_t i = 0; i < r->replica_count; i++) {
        cli_wait_text(&r->replicas[i], wait, sizeof wait);
        fprintf(file, "- replica %u%s %s\n", i, r->replicas[i].corrupted ? " (corrupted)" : "",
                wait);
    }
}

static void markdown_counters(const struct nika_run_result *r, FILE *file)
{
    static const char *const drops[] = {
        NULL,        "lost",          "partition", "queue full", "receiver down",
        "malformed", "not authentic", "fault"};
    fprintf(file,
            "\n## Messages\n\n| what | count |\n|---|---|\n| sent | %" PRIu64
            " |\n| delivered | %" PRIu64 " |\n| bytes sent | %" PRIu64 " |\n",
            r->stats.messages_sent, r->stats.messages_delivered, r->stats.bytes_sent);
    for (uint32_t i = 1; i < ARRAY_COUNT(drops); i++) {
        if (r->stats.dropped[i] > 0)
            fprintf(file, "| dropped: %s | %" PRIu64 " |\n", drops[i], r->stats.dropped[i]);
    }
    fprintf(file, "| signatures | %" PRIu64 " |\n| verifications | %" PRIu64 " |\n",
            r->stats.signatures, r->stats.verifications);
    fprintf(file,
            "\n## Rejections by check\n\n| check | what it demands | count |\n|---|---|---|\n");
    for (uint32_t i = 1; i < NIKA_CHECK_COUNT; i++) {
        if (r->stats.rejects[i] == 0) continue;
        fprintf(file, "| %s | %s | %" PRIu64 " |\n", nika_check_name((enum nika_check)i),
                nika_check_doc((enum nika_check)i), r->stats.rejects[i]);
    }
    fprintf(file, "\n## Reached\n\n");
    for (uint32_t i = 0; i < NIKA_PROBE_COUNT; i++) {
        if (r->probes[i] == 0) continue;
        fprintf(file, "- %s: %" PRIu64 " times\n", nika_probe_doc((enum nika_probe)i),
                r->probes[i]);
    }
}

void cli_report_markdown(const struct cli_run_request *request, const struct nika_scenario *s,
                         const struct nika_run_result *r, uint64_t wall_ns, FILE *file)
{
    char line[4096];
    cli_reproduce(request, line, sizeof line);
    fprintf(file, "# %s, seed %" PRIu64 ": %s\n\n%s\n\n**%s**\n\n", s->name, r->seed,
            nika_exit_name(r->exit_class), s->why, r->sentence);
    fprintf(
        file,
        "    %s\n\n| | |\n|---|---|\n| scenario | %s |\n| build | nika %s |\n| digest | `%s` |\n",
        line, request->path, cli_version_text(), r->digest);
    fprintf(file,
            "| requests | %" PRIu64 " of %" PRIu64 " completed |\n| highest view | %" PRIu64
            " |\n| state transfers | %" PRIu64 " |\n",
            r->requests_completed, r->requests_expected, r->view_max, r->transfers);
    fprintf(file,
            "| events | %" PRIu64 " |\n| virtual time | %" PRIu64 " ns |\n| wall time | %" PRIu64
            " ns |\n",
            r->stats.events, r->stats.now_ns, wall_ns);
    fprintf(file, "| liveness bound after GST | %" PRIu64 " ns |\n", r->liveness_bound_ns);
    markdown_tables(r, file);
    markdown_counters(r, file);
}

static json_t *json_violations(const struct nika_run_result *r)
{
    json_t *list = json_array();
    char node[24];
    for (uint32_t i = 0; i < r->violation_count; i++) {
        const struct nika_violation *v = &r->violations[i];
        json_t *one = json_pack(
            "{s:s, s:s, s:s, s:I, s:I, s:I, s:s}", "oracle", nika_oracle_list[v->oracle]->id,
            "property", nika_oracle_list[v->oracle]->name, "node", cli_node_text(v->node, node),
            "sequence", (json_int_t)v->seq, "virtual_ns", (json_int_t)v->now_ns, "event",
            (json_int_t)v->event_index, "sentence", v->sentence);
        bool replica = v->node != NIKA_NODE_NONE && !nika_is_client(v->node);
        json_object_set_new(one, "replica", replica ? json_integer(v->node) : json_null());
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *json_faults(const struct nika_run_result *r)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < r->fault_count; i++) {
        const struct nika_fault_result *f = &r->faults[i];
        json_t *targets = json_array();
        for (uint32_t k = 0; k < NIKA_REPLICAS_MAX; k++) {
            if ((f->targets[k / 64] >> (k % 64) & 1) != 0)
                json_array_append_new(targets, json_integer(k));
        }
        json_array_append_new(list, json_pack("{s:s, s:b, s:I, s:o}", "name", f->name, "present",
                                              (int)f->present, "acted", (json_int_t)f->acted,
                                              "targets", targets));
    }
    return list;
}

static json_t *json_counters(const struct nika_run_result *r)
{
    json_t *rejects = json_object(), *probes = json_object();
    for (uint32_t i = 1; i < NIKA_CHECK_COUNT; i++) {
        if (r->stats.rejects[i] > 0)
            json_object_set_new(rejects, nika_check_name((enum nika_check)i),
                                json_integer((json_int_t)r->stats.rejects[i]));
    }
    for (uint32_t i = 0; i < NIKA_PROBE_COUNT; i++) {
        json_object_set_new(probes, nika_probe_name((enum nika_probe)i),
                            json_integer((json_int_t)r->probes[i]));
    }
    return json_pack("{s:o, s:o}", "rejects", rejects, "probes", probes);
}

void cli_report_json(const struct cli_run_request *request, const struct nika_scenario *s,
                     const struct nika_run_result *r, uint64_t wall_ns, FILE *file)
{
    char line[4096], wait[200];
    cli_reproduce(request, line, sizeof line);
    json_t *root = json_pack("{s:s, s:i, s:s, s:s, s:I, s:s, s:s}", "verdict",
                             nika_exit_name(r->exit_class), "exit_class", r->exit_class, "sentence",
                             r->sentence, "scenario", request->path, "seed", (json_int_t)r->seed,
                             "digest", r->digest, "version", cli_version_number());
    json_object_update_new(root, json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "name", s->name,
                                           "build", cli_version_text(), "reproduce", line, "events",
                                           (json_int_t)r->stats.events, "messages",
                                           (json_int_t)r->stats.messages_delivered, "messages_sent",
                                           (json_int_t)r->stats.messages_sent, "bytes_sent",
                                           (json_int_t)r->stats.bytes_sent));
    json_object_update_new(
        root, json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "requests_completed",
                        (json_int_t)r->requests_completed, "requests_expected",
                        (json_int_t)r->requests_expected, "views", (json_int_t)r->view_max,
                        "transfers", (json_int_t)r->transfers, "virtual_ns",
                        (json_int_t)r->stats.now_ns, "wall_ns", (json_int_t)wall_ns));
    json_object_set_new(
        root, "liveness_bound_ns",
        json_integer(
            (json_int_t)(r->liveness_bound_ns > INT64_MAX ? INT64_MAX : r->liveness_bound_ns)));
    json_object_set_new(root, "faults", json_faults(r));
    json_object_set_new(root, "violations", json_violations(r));
    json_object_update_new(root, json_counters(r));
    json_t *replicas = json_array();
    for (uint32_t i = 0; i < r->replica_count; i++) {
        cli_wait_text(&r->replicas[i], wait, sizeof wait);
        json_array_append_new(replicas, json_string(wait));
    }
    json_object_set_new(root, "replicas", replicas);
    char *text = json_dumps(root, JSON_SORT_KEYS | JSON_COMPACT);
    fprintf(file, "%s\n", text != NULL ? text : "{}");
    free(text);
    json_decref(root);
}
