/* scenarios/diagnose.h: errors in what a user wrote, each with file, line, column and JSON path.
 *
 * Collects up to NIKA_DIAGNOSES_MAX so that a user sees all mistakes at once. Owns its text; never prints. */
#ifndef SCENARIOS_DIAGNOSE_H
#define SCENARIOS_DIAGNOSE_H

#include "engine/core/types.h"

#define NIKA_DIAGNOSES_MAX 20u
#define NIKA_DIAGNOSIS_SIZE 1000u
#define NIKA_PATH_DEPTH_MAX 8u

/* A place in a JSON text: steps from the root, each a key or (key NULL) an index. Keys are borrowed. */
struct nika_json_path {
    uint32_t depth;
    struct {
        const char *key;
        uint32_t index;
    } steps[NIKA_PATH_DEPTH_MAX];
};
struct nika_diagnoses {
    const char *file; /* Borrowed; for messages. */
    const char *text; /* The source, valid JSON; NULL while that is not known. */
    size_t text_size;
    uint32_t count;
    char lines[NIKA_DIAGNOSES_MAX][NIKA_DIAGNOSIS_SIZE];
};

/* The path one step further; past the depth limit the path stays as it is. */
struct nika_json_path nika_path_key(struct nika_json_path path, const char *key);
struct nika_json_path nika_path_index(struct nika_json_path path, uint32_t index);
/* "$.faults[0].rate_ppm". A key that is not a plain word is quoted. Always terminated. */
void nika_path_text(const struct nika_json_path *path, char *out, size_t size);

/* Line and column (from 1, columns in bytes) of the value at `path` in a valid JSON text; of its key when `key` and the last step
 * is one. False when there is no such value. */
bool nika_json_locate(const char *text, size_t size, const struct nika_json_path *path, bool key,
                      uint32_t *line, uint32_t *column);
/* Deepest nesting of brackets outside strings; for any bytes. */
uint32_t nika_json_depth(const char *text, size_t size);

/* Replace what a terminal would obey by "?": control characters, in place. What a file says of itself is text, never a command. */
void nika_text_defuse(char *text);
/* Add `file:line:column: path: message`. A place that is not in the text was set on the command line and says so. */
void nika_diagnose(struct nika_diagnoses *d, const struct nika_json_path *path, bool key,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));
/* No room for another: a reader of a long list stops there, as a bad file may hold a hundred thousand mistakes. */
bool nika_diagnoses_full(const struct nika_diagnoses *d);
/* Add one line without a place. */
void nika_diagnose_plain(struct nika_diagnoses *d, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The candidate nearest to `word` (edit distance at most a third of its length, at least 2), or NULL. `at` returns NULL past the end. */
const char *nika_did_you_mean(const char *word,
                              const char *(*at)(const void *context, uint32_t index),
                              const void *context);

#endif
