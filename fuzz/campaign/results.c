/* fuzz/campaign/results.c: a set of block records, read from and written to JSON Lines.
 *
 * Sorted by scenario, strategy and seed when written, so that the same set gives the same bytes wherever its parts came from. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/campaign/campaign.h"
#include "fuzz/campaign/coverage.h"
#include "protocols/registry.h"

void nika_results_free(struct nika_results *results)
{
    for (uint32_t i = 0; i < results->name_count; i++) free(results->names[i]);
    free(results->names);
    free(results->lines);
    if (results->texts != NULL) fclose(results->texts);
    memset(results, 0, sizeof *results);
}

/* ---- texts: at places of their own, for worker processes share the position of the file ---- */
static bool keep_text(struct nika_results *results, const char *text, uint32_t size)
{
    if (results->texts == NULL) results->texts = tmpfile();
    if (results->texts == NULL) return false;
    for (uint32_t done = 0; done < size;) {
        ssize_t got = pwrite(fileno(results->texts), text + done, size - done,
                             (off_t)(results->written + done));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        done += (uint32_t)got;
    }
    results->written += size;
    return true;
}

static char *text_of(const struct nika_results *results, const struct nika_result_line *line)
{
    char *text = malloc(line->size + 1u);
    for (uint32_t done = 0; text != NULL && done < line->size;) {
        ssize_t got =
            pread(fileno(results->texts), text + done, line->size - done, (off_t)(line->at + done));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            free(text);
            return NULL;
        }
        done += (uint32_t)got;
    }
    if (text != NULL) text[line->size] = '\0';
    return text;
}

json_t *nika_results_record(const struct nika_results *results, const struct nika_result_line *line)
{
    char *text = text_of(results, line);
    json_t *record = text != NULL ? json_loads(text, 0, NULL) : NULL;
    free(text);
    return record;
}

/* One copy of each name: a campaign has few scenarios and many blocks. NULL when out of memory. */
static const char *shared_name(struct nika_results *results, const char *name)
{
    for (uint32_t i = results->name_count; i > 0; i--) {
        if (strcmp(results->names[i - 1], name) == 0) return results->names[i - 1];
    }
    char **names = realloc(results->names, (results->name_count + 1u) * sizeof names[0]);
    if (names == NULL) return NULL;
    results->names = names;
    names[results->name_count] = strdup(name);
    return names[results->name_count] != NULL ? names[results->name_count++] : NULL;
}

/* Where `id` is, or where it belongs: lines are kept sorted by id. */
static uint32_t place_of(const struct nika_results *results, const char *id, bool *found)
{
    uint32_t low = 0, high = results->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(results->lines[middle].id, id);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0) low = middle + 1;
        if (order > 0) high = middle;
    }
    *found = false;
    return low;
}

bool nika_results_has(const struct nika_results *results, const char id[33])
{
    bool found;
    (void)place_of(results, id, &found);
    return found;
}

/* Does the record's id follow from what it says it is? A line that was edited, or is no record, does not get in. */
static bool record_check(const json_t *record, struct nika_result_line *line, char name[256],
                         const char **why)
{
    const char *said, *scenario, *digest, *protocol, *strategy, *version;
    json_int_t first, count, held, missed;
    json_t *sets, *faults, *probes, *states, *steps, *failures;
    struct nika_coverage coverage = {0};
    json_error_t error;
    if (json_unpack_ex(
            (json_t *)record, &error, 0,
            "{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}",
            "nika_block", &said, "scenario", &scenario, "scenario_digest", &digest, "protocol",
            &protocol, "strategy", &strategy, "version", &version, "first", &first, "count", &count,
            "held", &held, "missed", &missed, "sets", &sets, "faults", &faults, "probes", &probes,
            "states", &states, "steps", &steps, "failures", &failures) != 0) {
        *why = "is no record of a campaign";
        return false;
    }
    if (nika_protocol_find(protocol) == NULL) {
        *why = "names a protocol that this version does not have";
        return false;
    }
    const struct nika_strategy *known = nika_strategy_find(strategy);
    if (known == NULL) {
        *why = "names a strategy that this version does not have";
        return false;
    }
    struct nika_block block = {.strategy = known,
                               .version = version,
                               .scenario_digest = digest,
                               .first = (uint64_t)first,
                               .count = (uint32_t)count};
    nika_block_id(&block, line->id);
    if (first < 0 || count < 1 || count > NIKA_BLOCK_RUNS || strcmp(line->id, said) != 0) {
        *why = "does not have the identity that it claims";
        return false;
    }
    if (!json_is_array(sets) || !json_is_array(faults) || !json_is_object(probes) ||
        !nika_coverage_add_json(&coverage, states, steps) || !json_is_array(failures) ||
        held + missed + (json_int_t)json_array_size(failures) < count) {
        *why = "does not account for all of its runs";
        return false;
    }
    line->first = (uint64_t)first;
    snprintf(name, 256, "%.100s|%.32s|%.40s", scenario, digest, strategy);
    return true;
}

static bool grow(struct nika_results *results)
{
    if (results->count < results->capacity) return true;
    uint32_t capacity = results->capacity == 0 ? 256 : results->capacity * 2;
    void *lines = realloc(results->lines, capacity * sizeof results->lines[0]);
    if (lines == NULL) return false;
    results->lines = lines;
    results->capacity = capacity;
    return true;
}

/* A block that is there already must have the same text. */
static bool same_again(const struct nika_results *results, uint32_t place, const char *canonical,
                       const char *path, uint32_t line, struct nika_diagnoses *diagnoses)
{
    char *known = text_of(results, &results->lines[place]);
    bool same = known != NULL && strcmp(known, canonical) == 0;
    if (known == NULL)
        nika_diagnose_plain(diagnoses, "%s: the temporary file of records: %s", path,
                            strerror(errno));
    else if (!same)
        nika_diagnose_plain(diagnoses,
                            "%s:%" PRIu32 ": block %s was run before and gave another result: "
                            "not deterministic",
                            path, line, results->lines[place].id);
    free(known);
    return same;
}

bool nika_results_add(struct nika_results *results, const char *text, const char *path,
                      uint32_t line, struct nika_diagnoses *diagnoses)
{
    char name[256];
    const char *why = "is not JSON";
    struct nika_result_line added = {.at = results->written};
    json_t *record = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    bool good = record != NULL && record_check(record, &added, name, &why);
    char *canonical = good ? json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(record);
    if (!good || canonical == NULL) {
        nika_diagnose_plain(diagnoses, "%s:%" PRIu32 ": this line %s", path, line, why);
        free(canonical);
        return false;
    }
    bool found;
    uint32_t place = place_of(results, added.id, &found);
    if (found) {
        good = same_again(results, place, canonical, path, line, diagnoses);
        free(canonical);
        return good;
    }
    added.size = (uint32_t)strlen(canonical);
    added.name = shared_name(results, name);
    good = added.name != NULL && grow(results);
    if (!good) nika_diagnose_plain(diagnoses, "%s: out of memory", path);
    if (good && !keep_text(results, canonical, added.size)) {
        nika_diagnose_plain(diagnoses,
                            "%s: no room for records in a temporary file (" P_tmpdir "): %s", path,
                            strerror(errno));
        good = false;
    }
    free(canonical);
    if (!good) return false;
    memmove(results->lines + place + 1, results->lines + place,
            (results->count - place) * sizeof results->lines[0]);
    results->lines[place] = added;
    results->count++;
    return true;
}

bool nika_results_read(struct nika_results *results, const char *path, uint32_t *cut,
                       struct nika_diagnoses *diagnoses)
{
    FILE *file = fopen(path, "r");
    if (file == NULL && errno == ENOENT) return true;
    if (file == NULL) {
        nika_diagnose_plain(diagnoses, "%s: %s", path, strerror(errno));
        return false;
    }
    /* A line is never taken whole on trust: a foreign file may have no end of one. */
    char *text = malloc(NIKA_RECORD_SIZE_MAX);
    bool good = text != NULL;
    for (uint32_t line = 1; good && fgets(text, (int)NIKA_RECORD_SIZE_MAX, file) != NULL; line++) {
        size_t size = strlen(text);
        if (size > 0 && text[size - 1] == '\n') {
            text[size - 1] = '\0';
            good = nika_results_add(results, text, path, line, diagnoses);
        } else if (feof(file) != 0) { /* Cut short: only ever the last one. */
            ++*cut;
        } else {
            nika_diagnose_plain(diagnoses, "%s:%" PRIu32 ": this line is no record of a campaign",
                                path, line);
            good = false;
        }
    }
    free(text);
    fclose(file);
    return good;
}

static int by_key(const void *a, const void *b)
{
    const struct nika_result_line *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    if (order == 0) order = (x->first > y->first) - (x->first < y->first);
    return order != 0 ? order : strcmp(x->id, y->id);
}

struct nika_result_line *nika_results_sorted(const struct nika_results *results)
{
    struct nika_result_line *sorted = calloc(results->count + 1u, sizeof *sorted);
    if (sorted == NULL || results->count == 0) return sorted;
    memcpy(sorted, results->lines, results->count * sizeof *sorted);
    qsort(sorted, results->count, sizeof *sorted, by_key);
    return sorted;
}

bool nika_results_write(struct nika_results *results, const char *path,
                        struct nika_diagnoses *diagnoses)
{
    char temporary[1024];
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    struct nika_result_line *sorted = nika_results_sorted(results);
    FILE *file = sorted != NULL ? fopen(temporary, "w") : NULL;
    bool good = file != NULL;
    for (uint32_t i = 0; good && i < results->count; i++) {
        char *text = text_of(results, &sorted[i]);
        good = text != NULL && fprintf(file, "%s\n", text) > 0;
        free(text);
    }
    if (file != NULL) {
        good = fflush(file) == 0 && fsync(fileno(file)) == 0 && good;
        int error = errno;
        good = fclose(file) == 0 && good;
        errno = error;
    }
    if (good) good = rename(temporary, path) == 0;
    if (!good) {
        nika_diagnose_plain(diagnoses, "%s: cannot write: %s", path, strerror(errno));
        unlink(temporary);
    }
    free(sorted);
    return good;
}
