/* cli/bench_detect_cells.c: which bugs meet which strategies, and where; see bench_detect.h. */
#include <stdlib.h>

#include "cli/bench_detect_private.h"

/* Is `name` an item of the list, or is there none? */
static bool wanted(const char *list, const char *name)
{
    size_t size = strlen(name);
    if (list == NULL) return true;
    for (const char *at = list; *at != '\0'; at += strcspn(at, ","), at += *at == ',') {
        if (strcspn(at, ",") == size && strncmp(at, name, size) == 0) return true;
    }
    return false;
}

static struct nika_scenario *load(const char *name, const struct nika_strategy *strategy,
                                  const char *planted)
{
    static struct nika_strategy_sets sets;
    char set[80];
    struct cli_run_request request = {.scenario = name, .seed_given = true};
    memset(&sets, 0, sizeof sets);
    struct nika_scenario *plain = cli_load(&request);
    if (plain == NULL) return NULL;
    strategy->overrides(plain, &sets);
    nika_scenario_free(plain);
    request = (struct cli_run_request){.scenario = name, .seed_given = true};
    if (sets.count >= CLI_SETS_MAX) return NULL;
    for (uint32_t i = 0; i < sets.count; i++) request.sets[request.set_count++] = sets.text[i];
    snprintf(set, sizeof set, "planted=%s", planted);
    if (strcmp(planted, NIKA_DETECT_SOUND) != 0) request.sets[request.set_count++] = set;
    return cli_load(&request);
}

static void add_cell(struct detect_bench *b, const struct nika_museum_bug *bug,
                     const char *scenario, const struct nika_strategy *strategy)
{
    struct nika_scenario *sound = load(scenario, strategy, NIKA_DETECT_SOUND);
    struct nika_scenario *planted = bug != NULL ? load(scenario, strategy, bug->id) : sound;
    if (sound == NULL || planted == NULL || b->cell_count == b->capacity) {
        fprintf(stderr, "nika: %s cannot be changed by %s\n", scenario, strategy->name);
        if (planted != sound) nika_scenario_free(planted);
        nika_scenario_free(sound);
        b->bad = true;
        return;
    }
    b->scenarios[2 * b->cell_count] = sound;
    b->scenarios[2 * b->cell_count + 1] = planted != sound ? planted : NULL;
    uint64_t limit = b->options->limit, budget = bug != NULL ? nika_museum_budget(bug->budget) : 0;
    b->cells[b->cell_count++] = (struct nika_detect_cell){
        bug, strategy, planted, sound, bug != NULL && budget < limit ? budget : limit};
}

/* Is this scenario that of an earlier bug? */
static bool seen_before(const struct detect_bench *b, const struct nika_museum_bug *const *bugs,
                        uint32_t at)
{
    for (uint32_t i = 0; i < at; i++) {
        if (b->options->ground != NULL || strcmp(bugs[i]->scenario, bugs[at]->scenario) == 0)
            return true;
    }
    return false;
}

/* All names of a list must be somebody's. */
static bool check_list(const char *list, bool (*exists)(const char *name), const char *what)
{
    char name[64];
    for (const char *at = list; at != NULL && *at != '\0';
         at += strcspn(at, ","), at += *at == ',') {
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at, ","), at);
        if (exists(name)) continue;
        fprintf(stderr, "nika: bench detect: no %s \"%s\" (nika list %s)\n", what, name,
                strcmp(what, "planted bug") == 0 ? "planted" : "strategies");
        return false;
    }
    return true;
}

static bool bug_exists(const char *name)
{
    for (uint32_t i = 0; i < nika_museum_count; i++) {
        if (strcmp(nika_museum[i].id, name) == 0) return true;
    }
    return false;
}

static bool strategy_exists(const char *name)
{
    return nika_strategy_find(name) != NULL;
}

/* Strategy by strategy, random first: stopped early, there is a whole column of each that is done. */
void detect_add_cells(struct detect_bench *b)
{
    const struct cli_bench_detect *o = b->options;
    const struct nika_museum_bug **bugs = calloc(nika_museum_count, sizeof(void *));
    uint32_t count = 0, strategies = 0;
    while (nika_strategies[strategies] != NULL) strategies++;
    b->capacity = 2 * nika_museum_count * strategies;
    b->cells = calloc(b->capacity + 1, sizeof *b->cells);
    b->scenarios = calloc(2 * b->capacity + 1, sizeof(void *));
    if (bugs == NULL || b->cells == NULL || b->scenarios == NULL) b->bad = true;
    for (uint32_t i = 0; i < nika_museum_count && !b->bad; i++) {
        if (!wanted(o->bugs, nika_museum[i].id)) continue;
        const char *reason = nika_detect_left_out(&nika_museum[i]);
        if (reason != NULL)
            json_object_set_new(b->left_out, nika_museum[i].id, json_string(reason));
        else
            bugs[count++] = &nika_museum[i];
    }
    for (uint32_t k = 0; k < strategies; k++) {
        for (uint32_t i = 0; i < count && !b->bad; i++) {
            if (wanted(o->strategies, nika_strategies[k]->name))
                add_cell(b, bugs[i], o->ground != NULL ? o->ground : bugs[i]->scenario,
                         nika_strategies[k]);
        }
    }
    b->sound_from = b->cell_count;
    for (uint32_t k = 0; k < strategies && o->sound != 0; k++) {
        for (uint32_t i = 0; i < count && !b->bad; i++) {
            if (wanted(o->strategies, nika_strategies[k]->name) && !seen_before(b, bugs, i))
                add_cell(b, NULL, o->ground != NULL ? o->ground : bugs[i]->scenario,
                         nika_strategies[k]);
        }
    }
    uint32_t sound_count = b->cell_count - b->sound_from;
    for (uint32_t i = b->sound_from; i < b->cell_count; i++)
        b->cells[i].limit = (o->sound + sound_count - 1) / sound_count;
    free(bugs);
}

bool detect_lists_good(const struct cli_bench_detect *options)
{
    return check_list(options->bugs, bug_exists, "planted bug") &&
           check_list(options->strategies, strategy_exists, "strategy");
}
