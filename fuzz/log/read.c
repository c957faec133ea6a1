/* fuzz/log/read.c: reading a decision log, and every way in which a file is none (log.h). */
#include <errno.h>
#include <stdlib.h>

#include "fuzz/log/log.h"

struct reader {
    const char *path;
    FILE *file;
    char *line;
    size_t capacity, size;
    uint32_t number; /* Of the line. */
    struct nika_diagnoses *d;
};

/* The next complete line without its newline. False at the end, or after a diagnosis. */
static bool next_line(struct reader *r)
{
    r->size = 0;
    for (;;) {
        int c = fgetc(r->file);
        if (c == EOF) return false; /* What has no newline was cut. */
        if (c == '\n') break;
        if (r->size + 1 >= r->capacity) {
            size_t capacity = r->capacity == 0 ? 4096 : r->capacity * 2;
            char *line = capacity <= NIKA_LOG_LINE_MAX ? realloc(r->line, capacity) : NULL;
            if (line == NULL) {
                nika_diagnose_plain(r->d, "%s:%u: a line longer than %u bytes", r->path,
                                    r->number + 1, NIKA_LOG_LINE_MAX);
                return false;
            }
            r->line = line;
            r->capacity = capacity;
        }
        r->line[r->size++] = (char)c;
    }
    if (r->capacity == 0) {
        r->line = malloc(r->capacity = 4096);
        if (r->line == NULL) return false;
    }
    r->line[r->size] = '\0';
    r->number++;
    return true;
}

static json_t *parse_line(const char *line, size_t size)
{
    if (nika_json_depth(line, size) > NIKA_SCENARIO_DEPTH_MAX) return NULL;
    json_object_seed(1);
    return json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
}

bool nika_log_is_header(const char *line)
{
    json_t *header = parse_line(line, strlen(line));
    bool is = json_object_get(header, "nika_log") != NULL;
    json_decref(header);
    return is;
}

static bool read_header(struct reader *r, struct nika_log *log)
{
    json_t *header = next_line(r) ? parse_line(r->line, r->size) : NULL;
    const json_t *format = json_object_get(header, "nika_log"),
                 *seed = json_object_get(header, "seed");
    const char *version = json_string_value(json_object_get(header, "version"));
    json_t *document = json_object_get(header, "scenario");
    if (r->d->count > 0) {
        json_decref(header);
        return false;
    }
    if (!json_is_integer(format)) {
        nika_diagnose_plain(r->d, "%s: not a decision log: its first line is no log header",
                            r->path);
    } else if (json_integer_value(format) != NIKA_LOG_FORMAT) {
        nika_diagnose_plain(r->d,
                            "%s:1: a decision log of format %lld; this version reads format %d",
                            r->path, (long long)json_integer_value(format), NIKA_LOG_FORMAT);
    } else if (version == NULL || strlen(version) >= sizeof log->version) {
        nika_diagnose_plain(r->d, "%s:1: the header does not say which version wrote it", r->path);
    } else if (!json_is_integer(seed) || json_integer_value(seed) < 0) {
        nika_diagnose_plain(r->d, "%s:1: the header has no seed", r->path);
    } else if (!json_is_object(document)) {
        nika_diagnose_plain(r->d, "%s:1: the header has no scenario", r->path);
    } else {
        snprintf(log->version, sizeof log->version, "%s", version);
        log->seed = (uint64_t)json_integer_value(seed);
        log->document = json_incref(document);
    }
    json_decref(header);
    return r->d->count == 0;
}

static bool read_decision(struct reader *r, const json_t *object, struct nika_log *log)
{
    const char *text = json_string_value(json_object_get(object, "at"));
    const json_t *value = json_object_get(object, "value");
    struct nika_choice_name name;
    if (text == NULL || json_object_size(object) != 2 ||
        nika_choice_name_parse(text, &name) != NIKA_OK || !json_is_integer(value) ||
        json_integer_value(value) < 1) {
        nika_diagnose_plain(
            r->d,
            "%s:%u: not a decision; expected {\"at\":\"latency 2>0 t5 v3 s17 #1\",\"value\":7}",
            r->path, r->number);
        return false;
    }
    if (nika_decisions_add(&log->decisions, &name, (uint64_t)json_integer_value(value)) == NIKA_OK)
        return true;
    nika_diagnose_plain(r->d, "%s:%u: more than %u decisions", r->path, r->number,
                        NIKA_DECISIONS_MAX);
    return false;
}

static bool read_end(struct reader *r, const json_t *object, struct nika_log *log)
{
    const char *digest = json_string_value(json_object_get(object, "digest")),
               *sentence = json_string_value(json_object_get(object, "sentence"));
    const json_t *count = json_object_get(object, "decisions"),
                 *class = json_object_get(object, "exit_class"),
                 *events = json_object_get(object, "events");
    if (digest == NULL || strlen(digest) > 32 || sentence == NULL || !json_is_integer(count) ||
        !json_is_integer(class) || !json_is_integer(events)) {
        nika_diagnose_plain(r->d, "%s:%u: the last line does not say how the run ended", r->path,
                            r->number);
    } else if (json_integer_value(count) != log->decisions.count) {
        nika_diagnose_plain(r->d,
                            "%s:%u: corrupt: it has %u decisions where its last line counts "
                            "%lld",
                            r->path, r->number, log->decisions.count,
                            (long long)json_integer_value(count));
    } else {
        snprintf(log->digest, sizeof log->digest, "%s", digest);
        snprintf(log->sentence, sizeof log->sentence, "%s", sentence);
        nika_text_defuse(log->sentence);
        log->exit_class = (int)json_integer_value(class);
        log->events = (uint64_t)json_integer_value(events);
    }
    return r->d->count == 0;
}

static bool read_rest(struct reader *r, struct nika_log *log)
{
    bool ended = false;
    while (next_line(r)) {
        json_t *object = parse_line(r->line, r->size);
        bool good = object != NULL && !ended;
        if (!good) {
            nika_diagnose_plain(r->d, "%s:%u: %s", r->path, r->number,
                                ended ? "a line behind the last one" : "corrupt: not JSON");
        } else if (json_object_get(object, "end") != NULL) {
            ended = true;
            good = read_end(r, object, log);
        } else {
            good = read_decision(r, object, log);
        }
        json_decref(object);
        if (!good) return false;
    }
    if (r->d->count == 0 && (!ended || r->size > 0))
        nika_diagnose_plain(r->d,
                            "%s:%u: truncated: it does not end with the line that has the "
                            "digest",
                            r->path, r->number + 1);
    return r->d->count == 0;
}

struct nika_log *nika_log_read(const char *path, struct nika_diagnoses *d)
{
    struct reader r = {.path = path, .d = d};
    memset(d, 0, sizeof *d);
    d->file = path;
    struct nika_log *log = calloc(1, sizeof *log);
    r.file = fopen(path, "rb");
    bool good = log != NULL && r.file != NULL;
    if (!good) {
        nika_diagnose_plain(d, "%s: %s", path, strerror(errno));
    } else {
        errno = 0;
        good = read_header(&r, log) && read_rest(&r, log);
        if (ferror(r.file) != 0) {
            d->count = 0; /* Why it could not be read says more than what was missing then. */
            nika_diagnose_plain(d, "%s: %s", path, strerror(errno));
            good = false;
        }
    }
    if (r.file != NULL) fclose(r.file);
    free(r.line);
    if (good) return log;
    nika_log_free(log);
    return NULL;
}
