/* cli/report.c: a finished run as text, and the phrases that all reports share. */
#include <inttypes.h>

#include "cli/cli.h"
#include "report/sheet.h"

#define HUMAN_TURNS 16u
#define HUMAN_VIOLATIONS 5u

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

void cli_reproduce(const struct cli_run_request *request, char *out, size_t size)
{
    snprintf(out, size, "%s", "");
    nika_report_shell(out, size, cli_program());
    size_t named = strlen(out);
    if (request->is_log) {
        snprintf(out + named, size - named, " replay ");
        nika_report_shell(out, size, request->path);
        return;
    }
    snprintf(out + named, size - named, " run ");
    nika_report_shell(out, size, request->path);
    size_t used = strlen(out);
    snprintf(out + used, size - used, " --seed %" PRIu64, request->seed);
    for (uint32_t i = 0; i < request->set_count; i++) {
        used = strlen(out);
        snprintf(out + used, size - used, " --set ");
        nika_report_shell(out, size, request->sets[i]);
    }
}

const char *cli_targets_text(const struct nika_fault_result *fault, char *out, size_t size)
{
    out[0] = '\0';
    for (uint32_t i = 0; i < NIKA_REPLICAS_MAX; i++) {
        size_t used = strlen(out);
        if (nika_set_has(fault->targets, i))
            snprintf(out + used, size - used, "%s%c%u", used > 0 ? "," : "",
                     fault->at_clients ? 'c' : 'r', i);
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
             "is in view %" PRIu64 "%s, executed %" PRIu64 ", stable %" PRIu64 ", %u pending%s",
             s->view, s->active ? "" : " (view change)", s->last_executed, s->low_mark, s->pending,
             s->transferring ? ", transferring state" : "");
    if (s->wait == NIKA_WAIT_NOTHING || s->transferring) return;
    size_t used = strlen(out);
    bool votes = s->wait == NIKA_WAIT_PREPARES || s->wait == NIKA_WAIT_COMMITS;
    snprintf(out + used, size - used, ", waiting for %s", nika_wait_text(s->wait));
    used = strlen(out);
    if (votes) snprintf(out + used, size - used, " (holds %" PRIu64 ")", s->wait_detail);
}

static uint64_t dropped_total(const struct nika_run_result *r)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < 8; i++) total += r->stats.dropped[i];
    return total;
}

/* The word in the left column of its first line only. */
static const char *column(const char *word, bool first)
{
    static char text[16];
    snprintf(text, sizeof text, "%-10s", first ? word : "");
    return text;
}

static void human_faults(const struct nika_run_result *r, FILE *file)
{
    char targets[400];
    for (uint32_t i = 0; i < r->fault_count; i++) {
        const struct nika_fault_result *f = &r->faults[i];
        fprintf(file, "%s%-20s ", column("faults", i == 0), f->name);
        if (f->present) {
            fprintf(file, "on %-8s acts %" PRIu64 "\n",
                    cli_targets_text(f, targets, sizeof targets), f->acted);
        } else {
            fprintf(file, "not part of this run\n");
        }
    }
}

static void human_turns(const struct cli_turns *t, FILE *file)
{
    char nodes[600], text[200];
    uint32_t shown = t->count < HUMAN_TURNS ? t->count : HUMAN_TURNS;
    for (uint32_t i = 0; i < shown; i++) {
        const struct cli_turn *turn = &t->list[i];
        cli_turn_text(turn, text, sizeof text);
        fprintf(file, "%s%6" PRIu64 ".%03" PRIu64 " ms  %-12s %s\n", column("story", i == 0),
                turn->first_ns / 1000000, turn->first_ns / 1000 % 1000,
                cli_turn_nodes(turn, nodes, sizeof nodes), text);
    }
    uint64_t more = t->count - shown + t->lost;
    if (more > 0) fprintf(file, "          and %" PRIu64 " more (--story FILE tells all)\n", more);
}

static void human_violations(const struct nika_run_result *r, FILE *file)
{
    char node[24], other[24];
    for (uint32_t i = 0; i < r->violation_count && i < HUMAN_VIOLATIONS; i++) {
        const struct nika_violation *v = &r->violations[i];
        fprintf(file, "property  %s %s: %s", nika_oracle_list[v->oracle]->id,
                nika_oracle_list[v->oracle]->name, cli_node_text(v->node, node));
        if (v->other != NIKA_NODE_NONE && v->other != v->node)
            fprintf(file, " and %s", cli_node_text(v->other, other));
        if (v->seq != 0) fprintf(file, ", sequence %" PRIu64, v->seq);
        fprintf(file, ", at %" PRIu64 ".%06" PRIu64 " s, event %" PRIu64 "\n          %s\n",
                v->now_ns / 1000000000, v->now_ns / 1000 % 1000000, v->event_index, v->sentence);
    }
    if (r->violation_count > HUMAN_VIOLATIONS)
        fprintf(file, "          and %u more (--report FILE and --json list all)\n",
                r->violation_count - HUMAN_VIOLATIONS);
}

static void human_liveness(const struct nika_run_result *r, FILE *file)
{
    if (r->stall[0] != '\0')
        fprintf(file, "liveness  %s: %s\n", nika_liveness_name(r->liveness), r->stall);
    if (r->throughput_percent != UINT32_MAX)
        fprintf(file, "speed     %" PRIu32 " %% of the same seed without faults\n",
                r->throughput_percent);
}

static void human_stall(const struct nika_run_result *r, FILE *file)
{
    char wait[200];
    if (r->requests_completed >= r->requests_expected) return;
    for (uint32_t i = 0; i < r->replica_count && i < 16; i++) {
        cli_wait_text(&r->replicas[i], wait, sizeof wait);
        fprintf(file, "%sreplica %u%s %s\n", column("stalled", i == 0), i,
                r->replicas[i].corrupted ? " (corrupted)" : "", wait);
    }
}

void cli_report_human(const struct cli_finished *f, FILE *file)
{
    const struct nika_run_result *r = f->result;
    const char *colour = cli_colour(file, r->exit_class == 0 ? "32" : "31"),
               *off = cli_colour(file, "0");
    char line[CLI_LINE_SIZE];
    fprintf(file, "\nverdict   %s%s%s (exit code %d)\n          %s\n\n", colour,
            nika_exit_name(r->exit_class), off, r->exit_class, r->sentence);
    human_faults(r, file);
    human_turns(f->turns, file);
    fprintf(file, "requests  %" PRIu64 " of %" PRIu64 " completed\n", r->requests_completed,
            r->requests_expected);
    fprintf(file, "views     highest %" PRIu64 ", %" PRIu64 " state transfers\n", r->view_max,
            r->transfers);
    fprintf(file, "messages  %" PRIu64 " delivered, %" PRIu64 " dropped, in %" PRIu64 " events\n",
            r->stats.messages_delivered, dropped_total(r), r->stats.events);
    fprintf(file,
            "time      %" PRIu64 ".%03" PRIu64 " s virtual, %" PRIu64 ".%03" PRIu64 " s wall\n\n",
            r->stats.now_ns / 1000000000, r->stats.now_ns / 1000000 % 1000, f->wall_ns / 1000000000,
            f->wall_ns / 1000000 % 1000);
    if (r->exit_class == NIKA_EXIT_LIVENESS || r->exit_class == NIKA_EXIT_INCONCLUSIVE)
        human_stall(r, file);
    human_violations(r, file);
    human_liveness(r, file);
    cli_culprits_human(r, file);
    if (f->scenario->decisions != NULL)
        fprintf(file,
                "decisions %" PRIu32 " by the scenario, of which %" PRIu64
                " were never asked for\n",
                f->scenario->decisions->count, nika_runner_unused_decisions(f->runner));
    cli_reproduce(f->request, line, sizeof line);
    fprintf(file, "digest    %s\nreproduce %s\n", r->digest, line);
}
