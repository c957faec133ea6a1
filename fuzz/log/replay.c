/* fuzz/log/replay.c: a run that decides by a log, and where it left it (log.h). */
#include <stdlib.h>

#include "fuzz/log/log.h"

/* What the run asked for. `order` sorts the decisions by name, so that one is found by halving. */
struct follower {
    const struct nika_decisions *decisions;
    struct nika_world *world;
    uint32_t *order;
    struct moment {
        uint64_t event_index, now_ns;
        bool asked;
    } * moments;
};

struct named {
    struct nika_choice_name name;
    uint32_t index;
};

static int by_name(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int result = nika_decisions_compare(&x->name, &y->name);
    return result != 0 ? result : x->index < y->index ? -1 : 1;
}

static bool sort_names(struct follower *f)
{
    uint32_t count = f->decisions->count;
    struct named *names = calloc((size_t)count + 1, sizeof *names);
    f->order = calloc((size_t)count + 1, sizeof *f->order);
    f->moments = calloc((size_t)count + 1, sizeof *f->moments);
    bool good = names != NULL && f->order != NULL && f->moments != NULL;
    for (uint32_t i = 0; good && i < count; i++)
        names[i] = (struct named){f->decisions->list[i].name, i};
    if (good) qsort(names, count, sizeof *names, by_name);
    for (uint32_t i = 0; good && i < count; i++) f->order[i] = names[i].index;
    free(names);
    return good;
}

static void on_decision(void *context, const struct nika_choice_name *name, uint64_t n,
                        uint64_t value)
{
    struct follower *f = context;
    uint32_t low = 0, high = f->decisions->count;
    (void)n;
    /* A decision of the log never turns out fair, except an act whose rate has become 0. */
    if (value == 0) return;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct nika_decision *d = &f->decisions->list[f->order[middle]];
        int side = nika_decisions_compare(&d->name, name);
        if (side == 0) {
            struct moment *m = &f->moments[f->order[middle]];
            *m = (struct moment){nika_world_event_index(f->world), nika_world_now(f->world), true};
            return;
        }
        low = side < 0 ? middle + 1 : low;
        high = side < 0 ? high : middle;
    }
}

static void account(const struct follower *f, struct nika_log_replay *out)
{
    uint32_t count = f->decisions->count;
    out->first_unused = count;
    for (uint32_t i = 0; i < count; i++) {
        const struct moment *m = &f->moments[i];
        if (m->asked) {
            out->asked++;
        } else if (out->first_unused == count) {
            out->first_unused = i;
        }
        if (m->asked && out->first_unused == count) {
            out->event_index = m->event_index;
            out->now_ns = m->now_ns;
        }
    }
}

bool nika_log_replay(const struct nika_log *log, const struct nika_scenario *s,
                     struct nika_log_replay *out, const char **reason)
{
    struct follower f = {.decisions = &log->decisions};
    memset(out, 0, sizeof *out);
    *reason = "out of memory";
    struct nika_decider *driver = nika_decider_new(&log->decisions);
    struct nika_runner *runner =
        driver != NULL && sort_names(&f) ? nika_runner_new(s, reason) : NULL;
    bool good = runner != NULL && nika_runner_begin(runner, log->seed, reason);
    if (good) {
        f.world = nika_runner_world(runner);
        struct nika_chooser *chooser = nika_world_chooser(f.world);
        nika_decider_attach(driver, chooser);
        chooser->tap = on_decision;
        chooser->tap_context = &f;
        nika_runner_finish(runner, &out->result);
        account(&f, out);
    }
    nika_runner_free(runner);
    nika_decider_free(driver);
    free(f.order);
    free(f.moments);
    return good;
}
