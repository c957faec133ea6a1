/* cli/report_markdown.c: a finished run as a page: verdict, what happened, and what led to each violation. */
#include <inttypes.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "report/sheet.h"

/* Violations whose story is told; the rest are listed. */
#define EXCERPTS_MAX 3u

static void put_ms(FILE *file, uint64_t ns)
{
    fprintf(file, "%" PRIu64 ".%03" PRIu64 " ms", ns / 1000000, ns / 1000 % 1000);
}

static void put_summary(const struct cli_finished *f, FILE *file)
{
    const struct nika_run_result *r = f->result;
    char line[CLI_LINE_SIZE];
    cli_reproduce(f->request, line, sizeof line);
    /* Whoever shows Markdown takes what looks like HTML for HTML. */
    fputs("# ", file);
    nika_report_xml(file, f->scenario->name);
    fprintf(file, ", seed %" PRIu64 ": %s\n\n", r->seed, nika_exit_name(r->exit_class));
    nika_report_xml(file, f->scenario->why);
    fprintf(file, "\n\n**%s** (exit code %d: %s)\n\nTo reproduce:\n\n    %s\n\n", r->sentence,
            r->exit_class, nika_exit_doc(r->exit_class), line);
    fputs("| | |\n|---|---|\n| scenario | ", file);
    nika_report_xml(file, f->request->path);
    fprintf(file, " |\n| build | nika %s |\n| run digest | `%s` |\n", cli_version_text(),
            r->digest);
    fprintf(file,
            "| requests | %" PRIu64 " of %" PRIu64 " completed |\n| highest view | %" PRIu64
            " |\n| state transfers | %" PRIu64 " |\n| events | %" PRIu64 " |\n| virtual time | ",
            r->requests_completed, r->requests_expected, r->view_max, r->transfers,
            r->stats.events);
    put_ms(file, r->stats.now_ns);
    fprintf(file, " |\n| wall time | ");
    put_ms(file, f->wall_ns);
    fprintf(file, " |\n| liveness bound after GST | ");
    if (r->liveness_bound_ns >= INT64_MAX) {
        fprintf(file, "none: the network never settles");
    } else {
        put_ms(file, r->liveness_bound_ns);
    }
    fprintf(file, " |\n| liveness | %s%s%s |\n", nika_liveness_name(r->liveness),
            r->stall[0] != '\0' ? ": " : "", r->stall);
    if (r->throughput_percent != UINT32_MAX)
        fprintf(file, "| throughput, without faults = 100 | %" PRIu32 " |\n",
                r->throughput_percent);
}

static void put_value(const struct nika_schema_key *key, uint64_t value, FILE *file)
{
    if (key->kind == NIKA_KIND_NAME) {
        fprintf(file, "%s", key->names((uint32_t)value));
    } else if (key->kind == NIKA_KIND_BOOL) {
        fprintf(file, "%s", value != 0 ? "true" : "false");
    } else if (key->kind == NIKA_KIND_TIME && value == UINT64_MAX) {
        fprintf(file, "never");
    } else {
        fprintf(file, "%" PRIu64, value);
    }
}

static bool key_drawn(const struct nika_scenario *s, uint32_t key)
{
    for (uint32_t i = 0; i < s->swarm_count; i++) {
        if (s->swarm[i].key == key) return true;
    }
    return false;
}

static bool key_set(const struct nika_scenario *s, const struct nika_schema_key *key)
{
    const json_t *at = s->document;
    char section[64], *rest = section;
    snprintf(section, sizeof section, "%s", key->section);
    while (rest != NULL && section[0] != '\0') at = json_object_get(at, strsep(&rest, "."));
    return json_object_get(at, key->key) != NULL;
}

/* What is not said is the default, which the scenario reference lists. */
static void put_options(const struct cli_finished *f, FILE *file)
{
    const struct nika_scenario *drawn = nika_runner_drawn(f->runner);
    fprintf(file, "\n## Options\n\nEverything else has its default (docs/scenarios.md).\n\n"
                  "| key | value | from |\n|---|---|---|\n");
    for (uint32_t i = 0; i < NIKA_KEY_COUNT; i++) {
        const struct nika_schema_key *key = &nika_schema[i];
        bool by_seed = key_drawn(f->scenario, i), main_key = i == NIKA_KEY_N || i == NIKA_KEY_F;
        if (i == NIKA_KEY_SCHEMA || i == NIKA_KEY_SEED) continue;
        if (!by_seed && !main_key && !key_set(f->scenario, key)) continue;
        fprintf(file, "| `%s%s%s` | ", key->section, key->section[0] != '\0' ? "." : "", key->key);
        put_value(key, drawn->values[i], file);
        fprintf(file, " | %s |\n",
                by_seed ? "drawn by the seed" : (key_set(f->scenario, key) ? "set" : "default"));
    }
}

static void put_parameters(const struct nika_scenario_fault *fault, FILE *file)
{
    for (uint32_t i = 0; i < fault->ops->param_count; i++) {
        const struct nika_fault_param *p = &fault->ops->params[i];
        fprintf(file, "%s%s=", i > 0 ? ", " : "", p->name);
        if (p->names != NULL) {
            fprintf(file, "%s", p->names[fault->params[i]]);
        } else {
            fprintf(file, "%" PRIu64, fault->params[i]);
        }
    }
}

static void put_faults(const struct cli_finished *f, FILE *file)
{
    char targets[400];
    const struct nika_scenario *drawn = nika_runner_drawn(f->runner);
    if (f->result->fault_count == 0) return;
    fprintf(file, "\n## Faults\n\n| # | fault | targets | from | to | parameters | acts "
                  "|\n|---|---|---|---|---|---|---|\n");
    for (uint32_t i = 0; i < f->result->fault_count; i++) {
        const struct nika_fault_result *result = &f->result->faults[i];
        const struct nika_scenario_fault *fault = &drawn->faults[i];
        fprintf(file, "| %u | %s | %s | %" PRIu64 " ms | ", i, result->name,
                cli_targets_text(result, targets, sizeof targets), fault->from_ms);
        if (fault->to_ms == UINT64_MAX) {
            fprintf(file, "the end | ");
        } else {
            fprintf(file, "%" PRIu64 " ms | ", fault->to_ms);
        }
        put_parameters(fault, file);
        if (result->present) fprintf(file, " | %" PRIu64 " |\n", result->acted);
        if (!result->present) fprintf(file, " | not part of this run |\n");
    }
}

static void put_turns(const struct cli_turns *t, FILE *file)
{
    char nodes[600], text[200];
    if (t->count == 0) return;
    fprintf(file, "\n## What happened\n\nTurning points; equal ones are joined. `nika run ... "
                  "--story FILE` tells all.\n\n| first at | who | what |\n|---:|---|---|\n");
    for (uint32_t i = 0; i < t->count; i++) {
        cli_turn_text(&t->list[i], text, sizeof text);
        fprintf(file, "| ");
        put_ms(file, t->list[i].first_ns);
        fprintf(file, " | %s | %s |\n", cli_turn_nodes(&t->list[i], nodes, sizeof nodes), text);
    }
    if (t->lost > 0) fprintf(file, "| | | and %" PRIu64 " more |\n", t->lost);
}

static void put_properties(const struct cli_finished *f, FILE *file)
{
    static const char *const expected[] = {"held", "may fail", "must fail", ""};
    const struct nika_run_result *r = f->result;
    fprintf(file, "\n## Properties\n\n| id | property | expected | result |\n|---|---|---|---|\n");
    for (uint32_t i = 0; i < nika_oracle_count; i++) {
        uint32_t count = 0;
        for (uint32_t k = 0; k < r->violation_count; k++) count += r->violations[k].oracle == i;
        enum nika_expect expect = nika_verdict_expectation(f->scenario, i);
        fprintf(file, "| %s | %s: %s | %s | %s |\n", nika_oracle_list[i]->id,
                nika_oracle_list[i]->name, nika_oracle_list[i]->doc, expected[expect],
                count > 0 ? "**violated**" : "held");
    }
}

static void put_excerpt(const struct cli_finished *f, const struct nika_violation *v, FILE *file)
{
    const char *reason;
    struct cli_excerpt *e = calloc(1, sizeof *e);
    struct nika_run_result *again = calloc(1, sizeof *again);
    /* A world of its own: watchers of the first run still hang on the old one. */
    nika_runner_set_oracles(f->runner, false);
    nika_runner_set_oracles(f->runner, true);
    if (e != NULL && again != NULL && nika_runner_begin(f->runner, f->result->seed, &reason)) {
        cli_excerpt_watch(e, f->runner, v);
        nika_runner_finish(f->runner, again);
        uint64_t from = e->count > CLI_EXCERPT_LINES ? e->count - CLI_EXCERPT_LINES : 0;
        fprintf(file, "\nThe last %" PRIu64 " lines before it", e->count - from);
        if (v->seq != 0)
            fprintf(file, " that concern sequence number %" PRIu64 " or the cluster", v->seq);
        fprintf(file, " (-> sent, => accepted, -x lost):\n\n");
        for (uint64_t i = from; i < e->count; i++)
            fprintf(file, "    %s\n", e->lines[i % CLI_EXCERPT_LINES]);
        if (strcmp(again->digest, f->result->digest) != 0)
            fprintf(file, "\nThese lines are of a second run, and its digest differs: the run is "
                          "not deterministic.\n");
    }
    free(again);
    free(e);
}

static void put_violations(const struct cli_finished *f, FILE *file)
{
    char node[24], other[24];
    uint32_t told = 0;
    const struct nika_run_result *r = f->result;
    if (r->violation_count > 0) fprintf(file, "\n## Violations\n");
    for (uint32_t i = 0; i < r->violation_count; i++) {
        const struct nika_violation *v = &r->violations[i];
        fprintf(file, "\n### %u. %s %s: %s", i + 1, nika_oracle_list[v->oracle]->id,
                nika_oracle_list[v->oracle]->name, cli_node_text(v->node, node));
        if (v->other != NIKA_NODE_NONE && v->other != v->node)
            fprintf(file, " and %s", cli_node_text(v->other, other));
        if (v->seq != 0) fprintf(file, ", sequence number %" PRIu64, v->seq);
        fprintf(file, "\n\nAt ");
        put_ms(file, v->now_ns);
        fprintf(file, ", event %" PRIu64 ": %s.\n", v->event_index, v->sentence);
        const struct nika_violation *last = i > 0 ? v - 1 : NULL;
        if (last != NULL && last->event_index == v->event_index && last->seq == v->seq) {
            fprintf(file, "\nWhat led to it is what led to violation %u.\n", i);
        } else if (told++ < EXCERPTS_MAX) {
            put_excerpt(f, v, file);
        }
    }
}

static void put_replicas(const struct nika_run_result *r, FILE *file)
{
    fprintf(file, "\n## Replicas at the end\n\n| replica | view | stable (h) | last executed | "
                  "pending | waits for |\n|---|---|---|---|---|---|\n");
    for (uint32_t i = 0; i < r->replica_count; i++) {
        const struct nika_replica_status *s = &r->replicas[i].status;
        fprintf(file, "| %u%s | ", i, r->replicas[i].corrupted ? " (corrupted)" : "");
        if (!r->replicas[i].up) {
            fprintf(file, "down | | | | |\n");
            continue;
        }
        fprintf(file, "%" PRIu64 "%s | %" PRIu64 " | %" PRIu64 " | %u | %s |\n", s->view,
                s->active ? "" : " (view change)", s->low_mark, s->last_executed, s->pending,
                s->wait == NIKA_WAIT_NOTHING ? "" : nika_wait_text(s->wait));
    }
}

static void put_messages(const struct nika_run_result *r, FILE *file)
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
}

static void put_counters(const struct nika_run_result *r, FILE *file)
{
    fprintf(file,
            "\n## Rejections by check\n\n| check | what it demands | count |\n|---|---|---|\n");
    for (uint32_t i = 1; i < NIKA_CHECK_COUNT; i++) {
        if (r->stats.rejects[i] == 0) continue;
        fprintf(file, "| %s | %s | %" PRIu64 " |\n", nika_check_name((enum nika_check)i),
                nika_check_doc((enum nika_check)i), r->stats.rejects[i]);
    }
    fprintf(file, "\n## Reached\n\n| what | times |\n|---|---|\n");
    for (uint32_t i = 0; i < NIKA_PROBE_COUNT; i++) {
        if (r->probes[i] == 0) continue;
        fprintf(file, "| %s | %" PRIu64 " |\n", nika_probe_doc((enum nika_probe)i), r->probes[i]);
    }
}

void cli_report_markdown(const struct cli_finished *f, FILE *file)
{
    put_summary(f, file);
    put_faults(f, file);
    put_turns(f->turns, file);
    put_violations(f, file);
    cli_culprits_markdown(f, file);
    put_options(f, file);
    put_properties(f, file);
    put_replicas(f->result, file);
    put_messages(f->result, file);
    put_counters(f->result, file);
}
