/* scenarios/decisions.c: lists of decisions (decisions.h). */
#include "scenarios/decisions.h"

#include <stdio.h>
#include <stdlib.h>

#include "scenarios/scenario.h"

#define FIRST_CAPACITY 256u
_Static_assert(NIKA_FAULTS_MAX <= 32, "`always` has a bit for each fault");

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
    to->always = from->always;
    return NIKA_OK;
}

void nika_decisions_clear(struct nika_decisions *d)
{
    free(d->list);
    memset(d, 0, sizeof *d);
}

struct nika_decider {
    struct nika_choice_log *log;
    struct nika_chooser inner; /* Only its driver is used: that of the log. */
    uint32_t always;
    bool by_rule;
};

static uint64_t drive(struct nika_chooser *c, const struct nika_choice_name *name, uint64_t n)
{
    struct nika_decider *d = c->driver_state;
    uint64_t value = d->inner.driver(&d->inner, name, n);
    d->by_rule = value == 0 && name->kind == NIKA_CHOICE_FAULT && name->a < NIKA_FAULTS_MAX &&
                 (d->always >> name->a & 1) != 0;
    return d->by_rule ? n - 1 : value;
}

struct nika_decider *nika_decider_new(const struct nika_decisions *decisions)
{
    struct nika_decider *d = calloc(1, sizeof *d);
    if (d == NULL) return NULL;
    d->always = decisions->always;
    d->log = nika_choice_log_new();
    bool good = d->log != NULL;
    for (uint32_t i = 0; good && i < decisions->count; i++) {
        const struct nika_decision *one = &decisions->list[i];
        good = nika_choice_log_add(d->log, &one->name, one->value) == NIKA_OK;
    }
    if (!good) {
        nika_decider_free(d);
        return NULL;
    }
    nika_chooser_init_log(&d->inner, d->log);
    return d;
}

void nika_decider_free(struct nika_decider *d)
{
    if (d == NULL) return;
    nika_choice_log_free(d->log);
    free(d);
}

void nika_decider_attach(struct nika_decider *d, struct nika_chooser *chooser)
{
    nika_chooser_init_log(chooser, d->log);
    chooser->driver = drive;
    chooser->driver_state = d;
}

uint64_t nika_decider_unused(const struct nika_decider *d)
{
    return nika_choice_log_unused(d->log);
}

const bool *nika_decider_by_rule(const struct nika_decider *d)
{
    return &d->by_rule;
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

/* "fault 1 *": "always". False when the text is no such name. */
static bool read_rule(const char *text, const json_t *value, const struct nika_json_path *at,
                      struct nika_diagnoses *d, struct nika_decisions *out)
{
    unsigned fault;
    int end = 0;
    if (sscanf(text, "fault %2u *%n", &fault, &end) != 1 || end == 0 || text[end] != '\0')
        return false;
    const char *word = json_string_value(value);
    if (fault >= NIKA_FAULTS_MAX || word == NULL || strcmp(word, "always") != 0) {
        nika_diagnose(d, at, false, "expected \"fault N *\": \"always\", N below %u",
                      NIKA_FAULTS_MAX);
    } else {
        out->always |= UINT32_C(1) << fault;
    }
    return true;
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
        if (nika_diagnoses_full(d)) return false;
        if (read_rule(text, value, &at, d, out)) continue;
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
