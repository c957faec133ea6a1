/* cli/replay_log.c: `nika replay` of a decision log: runs it again and says where it stopped meaning something. */
#include <inttypes.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "fuzz/log/log.h"

static void print_decision(const char *label, const struct nika_log *log, uint32_t index)
{
    char text[NIKA_DECISION_TEXT_SIZE];
    (void)nika_choice_name_text(&log->decisions.list[index].name, text, sizeof text);
    printf("%-10s %u of %u, %s = %" PRIu64 "\n", label, index + 1, log->decisions.count, text,
           log->decisions.list[index].value);
}

/* Names that the run never asked for mean nothing to it: another version, or a log that somebody changed. */
static void print_unused(const struct nika_log *log, const struct nika_log_replay *r)
{
    uint32_t count = log->decisions.count;
    printf("decisions  %u of %u were asked for\n", r->asked, count);
    if (r->first_unused == count) return;
    print_decision("stopped at", log, r->first_unused);
    printf("           nothing in this run has that name");
    if (r->first_unused > 0)
        printf("; the one before was made in event %" PRIu64 ", at %" PRIu64 ".%06" PRIu64 " s",
               r->event_index, r->now_ns / 1000000000, r->now_ns / 1000 % 1000000);
    printf("\n");
}

static void print_json(const struct nika_log *log, const struct nika_log_replay *r, bool same)
{
    char text[NIKA_DECISION_TEXT_SIZE] = "";
    bool unused = r->first_unused < log->decisions.count;
    if (unused)
        (void)nika_choice_name_text(&log->decisions.list[r->first_unused].name, text, sizeof text);
    cli_json_print(json_pack("{s:s, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:o}", "kind",
                             "log", "same", (int)same, "verdict",
                             nika_exit_name(same ? NIKA_EXIT_HELD : NIKA_EXIT_NONDETERMINISTIC),
                             "run", nika_exit_name(r->result.exit_class), "sentence",
                             r->result.sentence, "was", log->sentence, "digest", r->result.digest,
                             "written_by", log->version, "decisions",
                             (json_int_t)log->decisions.count, "asked", (json_int_t)r->asked,
                             "stopped_at", unused ? json_string(text) : json_null()),
                   "replay");
}

static int judge(const struct nika_log *log, const struct nika_log_replay *r)
{
    const struct nika_run_result *result = &r->result;
    bool same = strcmp(log->digest, result->digest) == 0;
    bool other_version = strcmp(log->version, cli_version_number()) != 0;
    if (same) {
        printf("verdict    replayed: the same run, %u decisions\n", log->decisions.count);
    } else {
        printf("verdict    %s\n           this run is not the one of the log: %s\n",
               nika_exit_name(NIKA_EXIT_NONDETERMINISTIC),
               other_version ? "the log was written by another version"
                             : "the program or the log was changed since, or the run is not "
                               "deterministic");
        if (other_version)
            printf("written by %s, this is %s\n", log->version, cli_version_number());
    }
    if (!same) printf("was        %s: %s\n", nika_exit_name(log->exit_class), log->sentence);
    printf("%-10s %s: %s\n", same ? "run" : "is", nika_exit_name(result->exit_class),
           result->sentence);
    print_unused(log, r);
    printf("digest     %s\n", result->digest);
    return same ? 0 : NIKA_EXIT_NONDETERMINISTIC;
}

int cli_replay_log(const char *path, bool json)
{
    struct nika_diagnoses d;
    const char *reason = "out of memory";
    struct nika_log *log = nika_log_read(path, &d);
    struct nika_scenario *s = log != NULL ? nika_log_scenario(log, path, &d) : NULL;
    if (s == NULL) {
        cli_print_diagnoses(&d);
        nika_log_free(log);
        return NIKA_EXIT_USAGE;
    }
    int status = NIKA_EXIT_INCONCLUSIVE;
    struct nika_log_replay *r = calloc(1, sizeof *r);
    if (r != NULL && nika_log_replay(log, s, r, &reason)) {
        bool same = strcmp(log->digest, r->result.digest) == 0;
        if (json) print_json(log, r, same);
        status = json ? (same ? 0 : NIKA_EXIT_NONDETERMINISTIC) : judge(log, r);
    } else {
        fprintf(stderr, "nika: %s: %s\n", path, reason);
    }
    free(r);
    nika_scenario_free(s);
    nika_log_free(log);
    return status;
}
