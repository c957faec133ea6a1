/* scenarios/decisions.c: lists of decisions (decisions.h). */
#include "scenarios/decisions.h"

#include <stdlib.h>

#include "scenarios/scenario.h"

#define FIRST_CAPACITY 256u

enum nika_err nika_decisions_add(struct nika_decisions *d, const struct nika_choice_name *name,
                                 uint64_t value)
{
    if (d->count == d->capacity) {
        uint32_t capacity = d->capacity == 0 ? FIRST_CAPACITY : d->capacity * 2;
        if (d->count >= NIKA_DECISIONS_MAX) return NIKA_ERR_LIMIT;
        struct nika_decision *list = realloc(d->list, capacity * sizeof *list);
        if (list == NULL) return NIKA_ERR_LIMIT;
        d->list = list;
        d->capacity = capacity;
    }
    d->list[d->count++] = (struct nika_decision){*name, value};
    return NIKA_OK;
}

enum nika_err nika_decisions_copy(struct nika_decisions *to, const struct nika_decisions *from)
{
    if (from->count > to->capacity) {
        struct nika_decision *list = realloc(to->list, from->count * sizeof *list);
        if (list == NULL) return NIKA_ERR_LIMIT;
        to->list = list;
        to->capacity = from->count;
    }
    if (from->count > 0) memcpy(to->list, from->list, from->count * sizeof *to->list);
    to->count = from->count;
    return NIKA_OK;
}

void nika_decisions_clear(struct nika_decisions *d)
{
    free(d->list);
    memset(d, 0, sizeof *d);
}

struct nika_choice_log *nika_decisions_log(const struct nika_decisions *d)
{
    struct nika_choice_log *log = nika_choice_log_new();
    for (uint32_t i = 0; log != NULL && i < d->count; i++) {
        if (nika_choice_log_add(log, &d->list[i].name, d->list[i].value) == NIKA_OK) continue;
        nika_choice_log_free(log);
        return NULL;
    }
    return log;
}

static int order(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b ? 1 : 0;
}

int nika_decisions_compare(const struct nika_choice_name *a, const struct nika_choice_name *b)
{
    int result = order(a->kind, b->kind);
    if (result == 0) result = order(a->a, b->a);
    if (result == 0) result = order(a->b, b->b);
    if (result == 0) result = order(a->type, b->type);
    if (result == 0) result = order(a->view, b->view);
    if (result == 0) result = order(a->seq, b->seq);
    return result != 0 ? result : order(a->k, b->k);
}

bool nika_decisions_read(const json_t *object, const struct nika_json_path *path,
                         struct nika_diagnoses *d, struct nika_decisions *out)
{
    const char *text;
    json_t *value;
    uint32_t before = d->count;
    if (!json_is_object(object) || json_object_size(object) > NIKA_DECISIONS_MAX) {
        nika_diagnose(d, path, false, "expected an object of at most %u decisions",
                      NIKA_DECISIONS_MAX);
        return false;
    }
    json_object_foreach((json_t *)(uintptr_t)object, text, value)
    {
        struct nika_json_path at = nika_path_key(*path, text);
        struct nika_choice_name name;
        uint64_t number;
        if (nika_choice_name_parse(text, &name) != NIKA_OK) {
            nika_diagnose(d, &at, true,
                          "not the name of a decision, such as \"latency 2>0 t5 v3 s17 #1\"");
        } else if (nika_scenario_integer(value, 1, INT64_MAX, &at, d, &number) &&
                   nika_decisions_add(out, &name, number) != NIKA_OK) {
            nika_diagnose_plain(d, "%s: too many decisions", d->file);
            return false;
        }
    }
    return d->count == before;
}
