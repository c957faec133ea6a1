/* fuzz/log/log.c: recording, writing and reading of decision logs (log.h). */
#include "fuzz/log/log.h"

#include <inttypes.h>
#include <stdlib.h>

static void on_decision(void *context, const struct nika_choice_name *name, uint64_t n,
                        uint64_t value)
{
    struct nika_recorder *r = context;
    if (r->next != NULL) r->next(r->next_context, name, n, value);
    if (value == 0 || r->full || (r->skip != NULL && *r->skip)) return;
    r->full = nika_decisions_add(&r->decisions, name, value) != NIKA_OK;
}

void nika_recorder_attach(struct nika_recorder *r, struct nika_world *world)
{
    struct nika_chooser *chooser = nika_world_chooser(world);
    r->next = chooser->tap;
    r->next_context = chooser->tap_context;
    chooser->tap = on_decision;
    chooser->tap_context = r;
}

/* A draw that no scenario file could say (a window that ends before it begins) is left to the seed, which repeats it. */
static json_t *document_of(const struct nika_scenario *s, uint64_t seed)
{
    struct nika_diagnoses d;
    json_t *concrete = nika_scenario_concrete(s, seed);
    char *text = concrete != NULL ? json_dumps(concrete, JSON_COMPACT) : NULL;
    struct nika_scenario *again =
        text != NULL ? nika_scenario_parse(s->path, text, strlen(text), NULL, 0, &d) : NULL;
    free(text);
    if (again == NULL && concrete != NULL) {
        json_decref(concrete);
        concrete = json_deep_copy(s->document);
        json_object_del(concrete, "decisions");
    }
    nika_scenario_free(again);
    return concrete;
}

struct nika_log *nika_log_new(const struct nika_scenario *s, const char *version,
                              struct nika_recorder *recorder, const struct nika_run_result *result)
{
    struct nika_log *log = calloc(1, sizeof *log);
    if (log == NULL) return NULL;
    log->document = document_of(s, result->seed);
    if (log->document == NULL) {
        free(log);
        return NULL;
    }
    snprintf(log->version, sizeof log->version, "%s", version);
    snprintf(log->sentence, sizeof log->sentence, "%s", result->sentence);
    memcpy(log->digest, result->digest, sizeof log->digest);
    log->seed = result->seed;
    log->exit_class = result->exit_class;
    log->events = result->stats.events;
    log->decisions = recorder->decisions;
    memset(&recorder->decisions, 0, sizeof recorder->decisions);
    return log;
}

void nika_log_free(struct nika_log *log)
{
    if (log == NULL) return;
    nika_decisions_clear(&log->decisions);
    json_decref(log->document);
    free(log);
}

static bool write_object(json_t *object, FILE *file)
{
    bool good = object != NULL && json_dumpf(object, file, JSON_COMPACT | JSON_ENSURE_ASCII) == 0 &&
                fputc('\n', file) != EOF;
    json_decref(object);
    return good;
}

struct nika_log *nika_log_of_run(const struct nika_scenario *scenario, uint64_t seed,
                                 const char *version, const char **reason)
{
    struct nika_recorder recorder = {0};
    struct nika_log *log = NULL;
    *reason = "out of memory";
    struct nika_run_result *result = calloc(1, sizeof *result);
    struct nika_runner *runner = nika_runner_new(scenario, reason);
    if (result != NULL && runner != NULL && nika_runner_begin(runner, seed, reason)) {
        nika_recorder_attach(&recorder, nika_runner_world(runner));
        nika_runner_finish(runner, result);
        *reason = "more decisions than a log holds, or out of memory";
        if (!recorder.full) log = nika_log_new(scenario, version, &recorder, result);
    }
    nika_decisions_clear(&recorder.decisions);
    nika_runner_free(runner);
    free(result);
    return log;
}

enum nika_err nika_log_write(const struct nika_log *log, FILE *file)
{
    char text[NIKA_DECISION_TEXT_SIZE];
    bool good = write_object(json_pack("{s:i, s:s, s:I, s:O}", "nika_log", NIKA_LOG_FORMAT,
                                       "version", log->version, "seed", (json_int_t)log->seed,
                                       "scenario", log->document),
                             file);
    for (uint32_t i = 0; i < log->decisions.count && good; i++) {
        const struct nika_decision *d = &log->decisions.list[i];
        /* A name has no character that JSON would escape. */
        (void)nika_choice_name_text(&d->name, text, sizeof text);
        good = fprintf(file, "{\"at\":\"%s\",\"value\":%" PRIu64 "}\n", text, d->value) > 0;
    }
    good = good &&
           write_object(json_pack("{s:s, s:i, s:s, s:i, s:I, s:s}", "end",
                                  nika_exit_name(log->exit_class), "exit_class", log->exit_class,
                                  "sentence", log->sentence, "decisions", (int)log->decisions.count,
                                  "events", (json_int_t)log->events, "digest", log->digest),
                        file);
    return good && fflush(file) == 0 ? NIKA_OK : NIKA_ERR_IO;
}

struct nika_scenario *nika_log_scenario(const struct nika_log *log, const char *path,
                                        struct nika_diagnoses *d)
{
    char *text = json_dumps(log->document, JSON_COMPACT);
    if (text == NULL) {
        memset(d, 0, sizeof *d);
        nika_diagnose_plain(d, "%s: out of memory", path);
        return NULL;
    }
    struct nika_scenario *s = nika_scenario_parse(path, text, strlen(text), NULL, 0, d);
    free(text);
    return s;
}
