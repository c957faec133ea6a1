/* engine/shim/problems.c: see problems.h. */
#include "engine/shim/problems.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void nika_problem(struct nika_problems *p, const char *file, const char *path, const char *format,
                  ...)
{
    if (p->count < NIKA_PROBLEMS_MAX) {
        char *line = p->lines[p->count];
        int used =
            snprintf(line, NIKA_PROBLEM_SIZE, "%s: %s%s", file, path, path[0] != '\0' ? ": " : "");
        if (used >= 0 && (size_t)used < NIKA_PROBLEM_SIZE) {
            va_list arguments;
            va_start(arguments, format);
            vsnprintf(line + used, NIKA_PROBLEM_SIZE - (size_t)used, format, arguments);
            va_end(arguments);
        }
    }
    p->count++;
}

json_t *nika_json_load(struct nika_problems *p, const char *file, size_t size_max)
{
    FILE *stream = fopen(file, "r");
    if (stream == NULL) {
        nika_problem(p, file, "", "cannot be read: %s", strerror(errno));
        return NULL;
    }
    char *text = malloc(size_max + 1);
    size_t size = text == NULL ? 0 : fread(text, 1, size_max + 1, stream);
    bool failed = text == NULL || ferror(stream) != 0;
    fclose(stream);
    json_t *root = NULL;
    json_error_t error;
    if (failed) {
        nika_problem(p, file, "", "cannot be read");
    } else if (size > size_max) {
        nika_problem(p, file, "", "larger than %zu bytes", size_max);
    } else {
        root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
        if (root == NULL)
            nika_problem(p, file, "", "line %d, column %d: %s", error.line, error.column,
                         error.text);
    }
    free(text);
    if (root == NULL || json_is_object(root)) return root;
    nika_problem(p, file, "", "expected an object");
    json_decref(root);
    return NULL;
}

const char *nika_json_path(const struct nika_json *j, const char *key, char out[128])
{
    snprintf(out, 128, "%s%s%s", j->path, j->path[0] != '\0' ? "." : "", key);
    return out;
}

void nika_json_only(const struct nika_json *j, const char *const *keys)
{
    const char *key;
    json_t *value;
    char path[128];
    json_object_foreach(j->object, key, value)
    {
        uint32_t i = 0;
        while (keys[i] != NULL && strcmp(keys[i], key) != 0) i++;
        if (keys[i] == NULL)
            nika_problem(j->problems, j->file, nika_json_path(j, key, path), "no such key");
    }
}

uint64_t nika_json_number(const struct nika_json *j, const char *key, uint64_t low, uint64_t high,
                          int64_t fallback)
{
    char path[128];
    uint64_t otherwise = fallback < 0 ? low : (uint64_t)fallback;
    if (j->object == NULL) return otherwise;
    const json_t *value = json_object_get(j->object, key);
    if (value == NULL && fallback >= 0) return otherwise;
    nika_json_path(j, key, path);
    if (value == NULL) {
        nika_problem(j->problems, j->file, path, "missing; expected a number %llu..%llu",
                     (unsigned long long)low, (unsigned long long)high);
        return otherwise;
    }
    json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;
    if (number >= 0 && (uint64_t)number >= low && (uint64_t)number <= high) return (uint64_t)number;
    char got[64];
    snprintf(got, sizeof got, "%lld", (long long)number);
    nika_problem(j->problems, j->file, path, "expected a number %llu..%llu, got %s",
                 (unsigned long long)low, (unsigned long long)high,
                 json_is_integer(value) ? got : "something else");
    return otherwise;
}

bool nika_json_flag(const struct nika_json *j, const char *key, bool fallback)
{
    char path[128];
    const json_t *value = json_object_get(j->object, key);
    if (value == NULL) return fallback;
    if (!json_is_boolean(value))
        nika_problem(j->problems, j->file, nika_json_path(j, key, path), "expected true or false");
    return json_is_true(value);
}

bool nika_json_text(const struct nika_json *j, const char *key, const char *fallback, char *out,
                    size_t capacity)
{
    char path[128];
    snprintf(out, capacity, "%s", fallback != NULL ? fallback : "");
    if (j->object == NULL) return out[0] != '\0';
    const json_t *value = json_object_get(j->object, key);
    if (value == NULL && fallback != NULL) return out[0] != '\0';
    const char *text = json_string_value(value);
    if (text != NULL && text[0] != '\0' && strlen(text) < capacity &&
        strlen(text) == json_string_length(value)) {
        snprintf(out, capacity, "%s", text);
        return true;
    }
    nika_problem(j->problems, j->file, nika_json_path(j, key, path),
                 "%sexpected a string of 1 to %zu bytes", value == NULL ? "missing; " : "",
                 capacity - 1);
    return false;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

uint32_t nika_json_hex(const struct nika_json *j, const char *key, uint32_t size_min, uint8_t *out,
                       uint32_t capacity)
{
    char path[128];
    if (j->object == NULL) return 0;
    const char *text = json_string_value(json_object_get(j->object, key));
    size_t length = text == NULL ? 0 : strlen(text), size = length / 2;
    bool good = text != NULL && length % 2 == 0 && size >= size_min && size <= capacity;
    for (size_t i = 0; good && i < size; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
        good = high >= 0 && low >= 0;
        if (good) out[i] = (uint8_t)(high * 16 + low);
    }
    if (good) return (uint32_t)size;
    if (size_min == capacity)
        nika_problem(j->problems, j->file, nika_json_path(j, key, path),
                     "expected %u bytes as %u lower-case hex digits", capacity, 2 * capacity);
    else
        nika_problem(j->problems, j->file, nika_json_path(j, key, path),
                     "expected %u to %u bytes as lower-case hex digits", size_min, capacity);
    return 0;
}
