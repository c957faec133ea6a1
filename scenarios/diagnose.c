/* scenarios/diagnose.c: where a value stands in a JSON text, and errors that say so. jansson gives no positions, so a light
 * scanner walks the same text, which jansson has already accepted. */
#include "scenarios/diagnose.h"

#include <ctype.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

struct scan {
    const char *text;
    size_t size, at;
};

struct nika_json_path nika_path_key(struct nika_json_path path, const char *key)
{
    if (path.depth == NIKA_PATH_DEPTH_MAX) return path;
    path.steps[path.depth].key = key;
    path.steps[path.depth].index = 0;
    path.depth++;
    return path;
}

struct nika_json_path nika_path_index(struct nika_json_path path, uint32_t index)
{
    struct nika_json_path next = nika_path_key(path, NULL);
    if (next.depth > path.depth) next.steps[path.depth].index = index;
    return next;
}

static bool plain_word(const char *key)
{
    size_t i = 0;
    while (isalnum((unsigned char)key[i]) || key[i] == '_') i++;
    return key[i] == '\0' && i > 0;
}

/* A key may hold anything; what is not printable must not reach a terminal. */
static void quote_key(const char *key, char *out, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; key[i] != '\0' && i < 40 && used + 1 < size; i++) {
        out[used++] = isprint((unsigned char)key[i]) ? key[i] : '?';
    }
    out[used] = '\0';
}

void nika_path_text(const struct nika_json_path *path, char *out, size_t size)
{
    size_t used = 0;
    char quoted[48];
    snprintf(out, size, "$");
    for (uint32_t i = 0; i < path->depth; i++) {
        used = strlen(out);
        const char *key = path->steps[i].key;
        if (key == NULL) {
            snprintf(out + used, size - used, "[%u]", path->steps[i].index);
        } else if (plain_word(key)) {
            snprintf(out + used, size - used, ".%.60s", key);
        } else {
            quote_key(key, quoted, sizeof quoted);
            snprintf(out + used, size - used, "[\"%s\"]", quoted);
        }
    }
}

static void skip_space(struct scan *s)
{
    while (s->at < s->size && strchr(" \t\r\n", s->text[s->at]) != NULL && s->text[s->at] != '\0')
        s->at++;
}

static void skip_string(struct scan *s)
{
    for (s->at++; s->at < s->size && s->text[s->at] != '"'; s->at++) {
        if (s->text[s->at] == '\\') s->at++;
    }
    if (s->at < s->size) s->at++;
}

/* Past one value, counting brackets instead of recursing: the nesting is the author's choice. */
static void skip_value(struct scan *s)
{
    uint32_t depth = 0;
    do {
        skip_space(s);
        if (s->at >= s->size) return;
        char c = s->text[s->at];
        if (c == '"') {
            skip_string(s);
        } else if (c == '{' || c == '[') {
            depth++;
            s->at++;
        } else if (c == '}' || c == ']') {
            depth--;
            s->at++;
        } else if (c == ',' || c == ':') {
            s->at++;
        } else {
            /* At least one: the parser passes over bytes (NUL) that strchr() takes for an end. */
            do {
                s->at++;
            } while (s->at < s->size && strchr(",]} \t\r\n", s->text[s->at]) == NULL);
        }
    } while (depth > 0);
}

/* Parsing is for the rare key with an escape: a long file has many keys, and each diagnosis passes them all. */
static bool key_equals(const char *raw, size_t size, const char *key)
{
    if (memchr(raw, '\\', size) == NULL)
        return size == strlen(key) + 2 && memcmp(raw + 1, key, size - 2) == 0;
    json_t *value = json_loadb(raw, size, JSON_DECODE_ANY, NULL);
    bool equal = json_is_string(value) && strcmp(json_string_value(value), key) == 0;
    json_decref(value);
    return equal;
}

/* At '{': to the value of `key`; *key_at is where the key stands. */
static bool enter_key(struct scan *s, const char *key, size_t *key_at)
{
    s->at++;
    for (;;) {
        skip_space(s);
        if (s->at >= s->size || s->text[s->at] != '"') return false;
        *key_at = s->at;
        skip_string(s);
        bool found = key_equals(s->text + *key_at, s->at - *key_at, key);
        skip_space(s);
        s->at++;
        skip_space(s);
        if (found) return true;
        skip_value(s);
        skip_space(s);
        if (s->at >= s->size || s->text[s->at] != ',') return false;
        s->at++;
    }
}

static bool enter_index(struct scan *s, uint32_t index)
{
    s->at++;
    skip_space(s);
    for (uint32_t i = 0; i < index; i++) {
        if (s->at >= s->size || s->text[s->at] == ']') return false;
        skip_value(s);
        skip_space(s);
        if (s->at >= s->size || s->text[s->at] != ',') return false;
        s->at++;
        skip_space(s);
    }
    return s->at < s->size && s->text[s->at] != ']';
}

bool nika_json_locate(const char *text, size_t size, const struct nika_json_path *path, bool key,
                      uint32_t *line, uint32_t *column)
{
    struct scan s = {text, size, 0};
    size_t key_at = 0;
    skip_space(&s);
    for (uint32_t i = 0; i < path->depth; i++) {
        const char *name = path->steps[i].key;
        if (s.at >= size || text[s.at] != (name != NULL ? '{' : '[')) return false;
        bool found =
            name != NULL ? enter_key(&s, name, &key_at) : enter_index(&s, path->steps[i].index);
        if (!found) return false;
    }
    if (s.at >= size) return false;
    size_t at = key && path->depth > 0 && path->steps[path->depth - 1].key != NULL ? key_at : s.at;
    *line = 1;
    *column = 1;
    for (size_t i = 0; i < at; i++) {
        *column = text[i] == '\n' ? 1 : *column + 1;
        *line += text[i] == '\n';
    }
    return true;
}

uint32_t nika_json_depth(const char *text, size_t size)
{
    struct scan s = {text, size, 0};
    uint32_t depth = 0, deepest = 0;
    while (s.at < size) {
        char c = text[s.at];
        if (c == '"') {
            skip_string(&s);
            continue;
        }
        if (c == '{' || c == '[') deepest = ++depth > deepest ? depth : deepest;
        if ((c == '}' || c == ']') && depth > 0) depth--;
        s.at++;
    }
    return deepest;
}

bool nika_diagnoses_full(const struct nika_diagnoses *d)
{
    return d->count == NIKA_DIAGNOSES_MAX;
}

void nika_text_defuse(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c != '\0'; c++) {
        bool second = c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0; /* U+0080..U+009F in UTF-8 */
        if ((*c < 0x20 && *c != '\t') || *c == 0x7f || second) *c = '?';
        if (second) c[1] = '?';
    }
}

void nika_diagnose(struct nika_diagnoses *d, const struct nika_json_path *path, bool key,
                   const char *format, ...)
{
    if (nika_diagnoses_full(d)) return;
    char place[256], message[300];
    uint32_t line = 0, column = 0;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    nika_path_text(path, place, sizeof place);
    char *out = d->lines[d->count++];
    if (d->text != NULL && nika_json_locate(d->text, d->text_size, path, key, &line, &column)) {
        snprintf(out, NIKA_DIAGNOSIS_SIZE, "%.300s:%u:%u: %s: %s", d->file, line, column, place,
                 message);
    } else {
        snprintf(out, NIKA_DIAGNOSIS_SIZE, "%.300s: %s: %s", d->file, place, message);
    }
    nika_text_defuse(out);
}

void nika_diagnose_plain(struct nika_diagnoses *d, const char *format, ...)
{
    if (nika_diagnoses_full(d)) return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(d->lines[d->count], NIKA_DIAGNOSIS_SIZE, format, arguments);
    nika_text_defuse(d->lines[d->count++]);
    va_end(arguments);
}

/* Levenshtein distance of words of at most 63 characters; longer ones are never near. */
static uint32_t edit_distance(const char *a, const char *b)
{
    uint32_t row[64];
    size_t a_size = strlen(a), b_size = strlen(b);
    if (a_size > 63 || b_size > 63) return UINT32_MAX;
    for (uint32_t j = 0; j <= b_size; j++) row[j] = j;
    for (uint32_t i = 1; i <= a_size; i++) {
        uint32_t diagonal = row[0];
        row[0] = i;
        for (uint32_t j = 1; j <= b_size; j++) {
            uint32_t change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            uint32_t insert = row[j - 1] + 1, drop = row[j] + 1;
            row[j] = change < insert ? change : insert;
            if (drop < row[j]) row[j] = drop;
        }
    }
    return row[b_size];
}

const char *nika_did_you_mean(const char *word,
                              const char *(*at)(const void *context, uint32_t index),
                              const void *context)
{
    const char *best = NULL;
    uint32_t best_distance = UINT32_MAX;
    for (uint32_t i = 0; at(context, i) != NULL; i++) {
        uint32_t distance = edit_distance(word, at(context, i));
        if (distance < best_distance) {
            best_distance = distance;
            best = at(context, i);
        }
    }
    uint32_t allowed = (uint32_t)strnlen(word, 64) / 3;
    return best_distance <= (allowed < 2 ? 2 : allowed) ? best : NULL;
}
