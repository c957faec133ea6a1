/* fuzz/detect/smaller.c: the first detection of a bug made small, in a process of its own; see detect.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz/detect/detect.h"
#include "fuzz/shrink/shrink.h"

static json_t *size_of(const struct nika_shrink_size *size)
{
    json_int_t decisions = (json_int_t)size->decisions + (json_int_t)size->always;
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "decisions", decisions, "acts",
                     (json_int_t)size->acts, "faults", (json_int_t)size->faults, "requests",
                     (json_int_t)size->requests, "clients", (json_int_t)size->clients, "replicas",
                     (json_int_t)size->replicas, "events", (json_int_t)size->events);
}

static json_int_t lines_of(const struct nika_shrink *s)
{
    char *text = nika_shrink_scenario_text(s);
    json_int_t lines = 0;
    for (const char *at = text; at != NULL && *at != '\0'; at++) lines += *at == '\n';
    free(text);
    return lines;
}

static json_t *shrunk(const struct nika_detect_cell *cell, uint64_t seed, uint64_t runs_max,
                      const char *version)
{
    const char *reason;
    struct nika_diagnoses d = {0};
    json_t *record = NULL;
    struct nika_log *log = nika_log_of_run(cell->planted, seed, version, &reason);
    struct nika_shrink *s = calloc(1, sizeof *s);
    if (log != NULL && s != NULL) {
        s->runs_max = runs_max;
        if (nika_shrink_begin(s, log, cell->planted->path, &d) == NIKA_SHRINK_READY) {
            nika_shrink_run(s);
            record = json_pack(
                "{s:i, s:s, s:s, s:I, s:I, s:b, s:o, s:o, s:I}", "nika_detect_shrunk", 1, "bug",
                cell->bug->id, "strategy", cell->strategy->name, "seed", (json_int_t)seed, "runs",
                (json_int_t)s->runs, "stopped", s->stopped, "before", size_of(&s->before), "after",
                size_of(&s->now), "lines", lines_of(s));
        }
        nika_shrink_end(s);
    }
    free(s);
    nika_log_free(log);
    return record;
}

json_t *nika_detect_shrink(const struct nika_detect_cell *cell, uint64_t seed, uint64_t runs_max,
                           uint32_t seconds, const char *version)
{
    int ends[2], status;
    json_t *record = NULL;
    if (pipe(ends) != 0) return NULL;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        FILE *file = fdopen(ends[1], "w");
        close(ends[0]);
        alarm(seconds); /* A bug may well hang. */
        json_t *out = shrunk(cell, seed, runs_max, version);
        if (file != NULL && out != NULL) {
            (void)json_dumpf(out, file, JSON_COMPACT | JSON_SORT_KEYS);
            fflush(file);
        }
        _exit(0);
    }
    close(ends[1]);
    FILE *file = pid > 0 ? fdopen(ends[0], "r") : NULL;
    if (file != NULL) {
        record = json_loadf(file, 0, NULL);
        fclose(file);
    } else {
        close(ends[0]);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    return record;
}
