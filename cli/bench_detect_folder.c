/* cli/bench_detect_folder.c: the records of `nika-museum bench detect` and what is made of them; see bench_detect.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/bench_detect_private.h"
#include "cli/campaign_folder.h"

/* ---- the folder ---- */
static void key_of(char *key, size_t size, const char *bug, const char *strategy, const char *path,
                   json_int_t campaign)
{
    snprintf(key, size, "%s %s %s %" JSON_INTEGER_FORMAT, bug, strategy, path, campaign);
}

static bool known_from(struct detect_bench *b, uint32_t cell, uint32_t campaign,
                       struct nika_detect_outcome *out)
{
    const struct nika_detect_cell *c = &b->cells[cell];
    char key[800];
    key_of(key, sizeof key, c->bug != NULL ? c->bug->id : NIKA_DETECT_SOUND, c->strategy->name,
           c->planted->path, campaign);
    const json_t *record = json_object_get(b->index, key);
    out->found = json_is_true(json_object_get(record, "found"));
    out->runs = (uint64_t)json_integer_value(json_object_get(record, "runs"));
    return record != NULL;
}

static void sum_up(struct detect_bench *b, const json_t *record)
{
    const struct nika_museum_bug *bug =
        nika_museum_find(json_string_value(json_object_get(record, "bug")));
    uint64_t cpu_us = (uint64_t)json_integer_value(json_object_get(record, "cpu_us"));
    b->found += json_is_true(json_object_get(record, "found"));
    b->cpu_us[bug != NULL ? (uint32_t)(bug - nika_museum) : nika_museum_count] += cpu_us;
    b->cpu_us_all += cpu_us;
    if (json_object_get(record, "nika_detect") != NULL)
        b->runs += (uint64_t)json_integer_value(json_object_get(record, "runs"));
}

/* From the journal: a record, remembered. False when it is none. */
static bool take(struct detect_bench *b, json_t *record)
{
    const char *bug, *strategy, *path = "";
    char key[800];
    json_int_t campaign = -1;
    if (json_unpack(record, "{s:s, s:s, s?s, s?I}", "bug", &bug, "strategy", &strategy, "path",
                    &path, "campaign", &campaign) != 0)
        return false;
    sum_up(b, record);
    json_array_append(b->records, record);
    key_of(key, sizeof key, bug, strategy, path, campaign);
    if (json_object_get(record, "nika_detect") != NULL) json_object_set(b->index, key, record);
    return true;
}

bool detect_known(void *context, uint32_t cell, uint32_t campaign, struct nika_detect_outcome *out)
{
    return known_from(context, cell, campaign, out);
}

bool detect_sound_known(void *context, uint32_t cell, uint32_t campaign,
                        struct nika_detect_outcome *out)
{
    struct detect_bench *b = context;
    return known_from(b, b->sound_from + cell, campaign, out);
}

bool detect_keep(void *context, const char *text)
{
    struct detect_bench *b = context;
    json_t *record = json_loads(text, 0, NULL);
    sum_up(b, record);
    json_array_append_new(b->records, record);
    bool good = fprintf(b->journal, "%s\n", text) > 0 && fflush(b->journal) == 0;
    if (!good) fprintf(stderr, "nika: %s: cannot write: %s\n", b->path, strerror(errno));
    return good;
}

/* The first line says what the records belong to; they go on only with the same. */
static bool read_journal(struct detect_bench *b)
{
    char *line = NULL;
    size_t capacity = 0;
    uint32_t number = 0;
    bool good = true;
    FILE *file = fopen(b->path, "r");
    if (file == NULL) return true;
    for (ssize_t size; good && (size = getline(&line, &capacity, file)) > 0; number++) {
        json_t *value = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        bool whole = line[size - 1] == '\n';
        if (value == NULL && !whole) {
            fprintf(stderr, "nika: %s: the last line was cut short; its campaign runs again\n",
                    b->path);
            break;
        }
        if (number == 0)
            good = json_equal(json_object_get(value, "settings"), b->settings);
        else
            good = take(b, value);
        if (!good)
            fprintf(stderr, "nika: %s:%" PRIu32 ": %s\n", b->path, number + 1,
                    number == 0 ? "was made with other settings (version, limit, campaigns, first "
                                  "seed, patience, --outpaced, CPU limit, sound runs or ground): "
                                  "choose another --out"
                                : "no record of bench detect");
        json_decref(value);
    }
    free(line);
    fclose(file);
    return good;
}

/* Whole lines only, under the settings. */
bool detect_open(struct detect_bench *b)
{
    json_t *record;
    size_t i;
    snprintf(b->path, sizeof b->path, "%s/" DETECT_JOURNAL, b->options->out);
    if (!cli_make_folder(b->options->out)) {
        fprintf(stderr, "nika: --out %s: %s\n", b->options->out, strerror(errno));
        return false;
    }
    if (!b->options->resume && access(b->path, F_OK) == 0) {
        fprintf(stderr,
                "nika: %s is there already: --resume goes on with it, or choose another --out\n",
                b->path);
        return false;
    }
    if (!read_journal(b)) return false;
    b->journal = fopen(b->path, "w");
    if (b->journal == NULL) {
        fprintf(stderr, "nika: %s: %s\n", b->path, strerror(errno));
        return false;
    }
    json_t *head = json_pack("{s:O}", "settings", b->settings);
    (void)json_dumpf(head, b->journal, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(head);
    fputc('\n', b->journal);
    json_array_foreach(b->records, i, record)
    {
        (void)json_dumpf(record, b->journal, JSON_COMPACT | JSON_SORT_KEYS);
        fputc('\n', b->journal);
    }
    return fflush(b->journal) == 0;
}

/* ---- tables ---- */
static bool write_one(const struct detect_bench *b, const char *name, const json_t *summary)
{
    char path[1300];
    snprintf(path, sizeof path, "%s/%s", b->options->out, name);
    FILE *file = fopen(path, "w");
    if (file != NULL && strstr(name, ".json") != NULL) {
        (void)json_dumpf(summary, file, JSON_INDENT(1) | JSON_SORT_KEYS);
        fputc('\n', file);
    } else if (file != NULL && strstr(name, ".csv") != NULL) {
        nika_detect_csv(b->records, file);
    } else if (file != NULL && strstr(name, ".md") != NULL) {
        nika_detect_markdown(summary, file);
    } else if (file != NULL) {
        nika_detect_svg(b->records, summary, file);
    }
    bool good = file != NULL && ferror(file) == 0;
    good = file != NULL && fclose(file) == 0 && good;
    if (!good) fprintf(stderr, "nika: %s: %s\n", path, strerror(errno));
    return good;
}

static int compare_records(const void *a, const void *b)
{
    static const char *const keys[] = {"bug", "strategy", "path"};
    const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
    for (uint32_t i = 0; i < ARRAY_COUNT(keys); i++) {
        const char *p = json_string_value(json_object_get(x, keys[i]));
        const char *q = json_string_value(json_object_get(y, keys[i]));
        int order = strcmp(p != NULL ? p : "", q != NULL ? q : "");
        if (order != 0) return order;
    }
    json_int_t k = json_integer_value(json_object_get(x, "campaign")),
               l = json_integer_value(json_object_get(y, "campaign"));
    return (k > l) - (k < l);
}

/* Bugs as the museum lists them, strategies as the registry does: not as they came in. */
static void sort_records(struct detect_bench *b)
{
    size_t count = json_array_size(b->records), i, put = 0;
    json_t **list = calloc(count + 1, sizeof(json_t *)), *sorted = json_array();
    if (list == NULL) return;
    for (i = 0; i < count; i++) list[i] = json_array_get(b->records, i);
    qsort(list, count, sizeof(json_t *), compare_records);
    for (uint32_t bug = 0; bug <= nika_museum_count; bug++) {
        const char *id = bug < nika_museum_count ? nika_museum[bug].id : NIKA_DETECT_SOUND;
        for (uint32_t k = 0; nika_strategies[k] != NULL; k++) {
            for (i = 0; i < count; i++) {
                if (!detect_same(list[i], "bug", id) ||
                    !detect_same(list[i], "strategy", nika_strategies[k]->name))
                    continue;
                json_array_append(sorted, list[i]);
                put++;
            }
        }
    }
    free(list);
    if (put == count) {
        json_decref(b->records);
        b->records = sorted;
    } else {
        json_decref(sorted);
    }
}

int detect_conclude(struct detect_bench *b, bool complete)
{
    static const char *const files[] = {"detect.json", "detect.csv", "detect.md", "detect.svg"};
    bool good = true;
    sort_records(b);
    json_t *summary = nika_detect_summary(b->records, b->settings, b->left_out, complete);
    for (uint32_t i = 0; i < ARRAY_COUNT(files); i++)
        good = write_one(b, files[i], summary) && good;
    int status = good ? nika_detect_verdict(summary) : NIKA_EXIT_INCONCLUSIVE;
    if (b->options->json) {
        (void)json_dumpf(summary, stdout, JSON_COMPACT | JSON_SORT_KEYS);
        printf("\n");
    } else {
        nika_detect_markdown(summary, stdout);
        printf("\nverdict   %s (exit code %d)\nresults   %s/" DETECT_JOURNAL
               ", detect.json, detect.csv, detect.md, detect.svg\n",
               nika_exit_name(status), status, b->options->out);
    }
    json_decref(summary);
    return status;
}
