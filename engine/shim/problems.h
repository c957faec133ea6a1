/* engine/shim/problems.h: what is wrong with the files that a node is started with: collected, so that all of it is shown at once.
 *
 * A bounded list of lines; what does not fit is counted. */
#ifndef ENGINE_SHIM_PROBLEMS_H
#define ENGINE_SHIM_PROBLEMS_H

#include "engine/core/types.h"

#include <jansson.h>

#define NIKA_PROBLEMS_MAX 64u
#define NIKA_PROBLEM_SIZE 320u

struct nika_problems {
    uint32_t count; /* Also of those beyond NIKA_PROBLEMS_MAX. */
    char lines[NIKA_PROBLEMS_MAX][NIKA_PROBLEM_SIZE];
};
/* Add "file: path: text". `path` may be "" for the file as a whole. */
void nika_problem(struct nika_problems *p, const char *file, const char *path, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));

/* One JSON object that is being read: where it stands, for messages. */
struct nika_json {
    struct nika_problems *problems;
    const char *file;
    const char *path; /* "" or "replicas[2]" */
    json_t *
        object; /* NULL when it is missing or no object: every getter then gives its fallback, without another message. */
};
/* Read a file of at most `size_max` bytes as one JSON object. The caller decrefs. NULL with a problem that names line and column. */
json_t *nika_json_load(struct nika_problems *p, const char *file, size_t size_max);
/* Every key of the object must be in `keys` (NULL-terminated). */
void nika_json_only(const struct nika_json *j, const char *const *keys);
/* An integer in [low, high]. Missing: `fallback`, unless that is -1, which makes the key a required one. */
uint64_t nika_json_number(const struct nika_json *j, const char *key, uint64_t low, uint64_t high,
                          int64_t fallback);
bool nika_json_flag(const struct nika_json *j, const char *key, bool fallback);
/* A string of 1..capacity-1 bytes. Missing: `fallback` (NULL = required). False when out is "". */
bool nika_json_text(const struct nika_json *j, const char *key, const char *fallback, char *out,
                    size_t capacity);
/* Bytes in lower-case hex; `size_min` to `capacity` of them. Required. Returns how many, 0 after a problem. */
uint32_t nika_json_hex(const struct nika_json *j, const char *key, uint32_t size_min, uint8_t *out,
                       uint32_t capacity);
/* "path.key" of an object into `out`. */
const char *nika_json_path(const struct nika_json *j, const char *key, char out[128]);

#endif
