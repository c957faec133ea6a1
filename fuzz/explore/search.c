/* fuzz/explore/search.c: all states of the whole, breadth first (explore.h).
 *
 * The first path to a state is a shortest one, so the first violation has a shortest trace. States are compared whole, not by a hash. */
#include "fuzz/explore/search.h"

#include <stdlib.h>

/* ---- what exists ---- */

static uint32_t joined(struct nika_explore *x, uint32_t a, uint32_t b)
{
    uint32_t list = 0;
    uint64_t key = (uint64_t)a << 32 | b;
    if (a == b || explore_map_get(&x->joined, key, &list)) return a == b ? a : list;
    list = explore_list_join(&x->model, a, b);
    explore_map_put(&x->joined, key, list);
    return list;
}

static uint32_t sent_by(const struct nika_explore *x, uint32_t replica, uint32_t part)
{
    return replica == x->model.options.corrupted ? part : x->model.locals[part].sent;
}

/* Everything that anybody could be shown. */
uint32_t explore_soup_of(struct nika_explore *x, const uint32_t *parts)
{
    uint32_t all = x->requests, full = 0;
    for (uint32_t i = 0; i < x->model.config.n; i++) all = joined(x, all, sent_by(x, i, parts[i]));
    if (x->model.protocol != &explore_hybster) return all;
    if (explore_map_get(&x->full, all, &full)) return full;
    full = explore_free_messages(&x->model, all);
    explore_map_put(&x->full, all, full);
    return full;
}

/* ---- what must not be ---- */

/* Restated here: PREPARE and COMMITs of n/2+1 replicas (Hybster), ceil((n+f+1)/2) COMMITs (PBFT). */
static bool is_final(const struct nika_explore *x, const uint16_t *ids, uint32_t count,
                     const struct explore_message *vote)
{
    const struct explore_model *m = &x->model;
    bool hybrid = m->ops->hybrid;
    uint32_t voters = 0, need = hybrid ? m->config.n / 2 + 1 : (m->config.n + m->config.f + 2) / 2;
    for (uint32_t i = 0; i < count; i++) {
        const struct explore_message *other = &m->messages[ids[i]];
        bool votes = other->message_class == NIKA_MESSAGE_COMMIT ||
                     (hybrid && other->message_class == NIKA_MESSAGE_PROPOSE);
        if (votes && other->view == vote->view && other->seq == vote->seq &&
            other->value == vote->value)
            voters |= 1u << other->sender;
    }
    return (uint32_t)__builtin_popcount(voters) >= need;
}

uint32_t explore_finals_of(struct nika_explore *x, uint32_t soup)
{
    struct explore_model *m = &x->model;
    uint32_t finals = 0, count = 0, found = 0;
    uint16_t one[EXPLORE_LIST_MAX];
    if (explore_map_get(&x->finals, soup, &finals)) return finals;
    const uint16_t *ids = explore_list_at(m, soup, &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct explore_message *vote = &m->messages[ids[i]];
        bool known = vote->message_class != NIKA_MESSAGE_COMMIT;
        for (uint32_t k = 0; k < found && !known; k++) {
            const struct explore_message *other = &m->messages[one[k]];
            known =
                other->view == vote->view && other->seq == vote->seq && other->value == vote->value;
        }
        if (!known && is_final(x, ids, count, vote)) one[found++] = ids[i];
    }
    finals = explore_list_add(m, one, found);
    explore_map_put(&x->finals, soup, finals);
    return finals;
}

enum { NOTHING_FINAL, SOMETHING_FINAL, CONFLICT };

/* Do the messages that exist prove two batches final at one order? */
static uint32_t judge(struct nika_explore *x, uint32_t soup)
{
    uint32_t count = 0, finals = explore_finals_of(x, soup);
    uint32_t held[EXPLORE_ORDERS + 1u] = {0};
    const uint16_t *ids = explore_list_at(&x->model, finals, &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct explore_message *vote = &x->model.messages[ids[i]];
        if (held[vote->seq] != 0 && held[vote->seq] != vote->value + 1) return CONFLICT;
        held[vote->seq] = vote->value + 1;
    }
    return count == 0 ? NOTHING_FINAL : SOMETHING_FINAL;
}

bool explore_is_among(const struct nika_explore *x, uint32_t finals, uint64_t view, uint64_t seq,
                      uint32_t value)
{
    uint32_t count = 0;
    const uint16_t *ids = explore_list_at(&x->model, finals, &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct explore_message *vote = &x->model.messages[ids[i]];
        if (vote->seq == seq && vote->value == value &&
            (view == EXPLORE_ANY_VIEW || vote->view == view))
            return true;
    }
    return false;
}

/* Do two correct replicas hold different batches for final at one order? */
static bool disagree(const struct nika_explore *x, const uint32_t *parts)
{
    const struct explore_model *m = &x->model;
    for (uint32_t i = 0; i < m->config.n; i++) {
        if (i != m->options.corrupted && m->locals[parts[i]].contradicts) return true;
    }
    for (uint32_t o = 1; o <= EXPLORE_ORDERS; o++) {
        uint32_t held = 0;
        for (uint32_t i = 0; i < m->config.n; i++) {
            uint32_t decided = i == m->options.corrupted ? 0 : m->locals[parts[i]].decided[o];
            if (decided != 0 && held != 0 && decided != held) return true;
            if (decided != 0) held = decided;
        }
    }
    return false;
}

/* ---- states ---- */

static void parts_of(const struct nika_explore *x, uint32_t state, uint32_t *parts)
{
    size_t size = 0;
    memcpy(parts, explore_set_at(&x->states, state, &size), x->model.config.n * sizeof *parts);
}

void explore_state_parts(const struct nika_explore *x, uint32_t state, uint32_t *parts)
{
    parts_of(x, state, parts);
}

/* Wait for being looked at, among those that are as many steps away. */
static void enqueue(struct nika_explore *x, uint32_t state, uint32_t steps)
{
    NIKA_ASSERT(steps < EXPLORE_STEPS_MAX);
    struct explore_level *level = &x->level[steps];
    level->states = explore_room(level->states, &level->capacity, level->count + UINT64_C(1),
                                 sizeof *level->states);
    level->states[level->count++] = state;
}

static void reach(struct nika_explore *x, const uint32_t *parts, struct explore_came came)
{
    uint32_t before = x->states.count;
    x->result.steps++;
    uint32_t state = explore_set_add(&x->states, parts, x->model.config.n * sizeof *parts);
    if (x->states.count == before) {
        if (x->came[state].steps <= came.steps) return;
    } else {
        x->came = explore_room(x->came, &x->came_capacity, state + 1ull, sizeof *x->came);
    }
    x->came[state] = came;
    enqueue(x, state, came.steps);
}

static void expand(struct nika_explore *x, uint32_t state, const uint32_t *parts, uint32_t soup)
{
    const struct explore_model *m = &x->model;
    for (uint32_t i = 0; i < m->config.n; i++) {
        uint32_t next[NIKA_EXPLORE_REPLICAS_MAX];
        uint32_t block = i == m->options.corrupted ? explore_lie_options(x, parts[i], soup)
                                                   : explore_local_options(x, parts[i], soup);
        memcpy(next, parts, m->config.n * sizeof *next);
        for (uint32_t k = 1; k <= x->options[block].next; k++) {
            struct explore_option option = x->options[block + k];
            next[i] = option.next;
            reach(x, next,
                  (struct explore_came){.from = state,
                                        .event = option.event,
                                        .actor = (uint8_t)i,
                                        .steps = (uint8_t)(x->result.depth + option.steps)});
        }
    }
}

static void observe(struct nika_explore *x, const uint32_t *parts)
{
    for (uint32_t i = 0; i < x->model.config.n; i++) {
        if (i == x->model.options.corrupted) continue;
        const struct explore_local *local = &x->model.locals[parts[i]];
        if (local->active && local->view > x->result.view_seen)
            x->result.view_seen = (uint32_t)local->view;
        if (local->alarmed && x->alarm == EXPLORE_NONE) {
            x->alarm = x->last;
            x->alarm_depth = x->result.depth;
        }
    }
}

/* False: the search is over. */
static bool look_at(struct nika_explore *x, uint32_t state)
{
    uint32_t parts[NIKA_EXPLORE_REPLICAS_MAX] = {0};
    parts_of(x, state, parts);
    uint32_t soup = explore_soup_of(x, parts), verdict = judge(x, soup);
    x->last = state;
    x->result.looked_at++;
    observe(x, parts);
    if (verdict != NOTHING_FINAL) x->result.final_seen++;
    if (verdict == CONFLICT || disagree(x, parts)) x->result.end = NIKA_EXPLORE_VIOLATION;
    if (x->result.end != NIKA_EXPLORE_COMPLETE) return false;
    expand(x, state, parts, soup);
    return true;
}

static uint64_t bytes_used(const struct nika_explore *x)
{
    const struct explore_model *m = &x->model;
    const struct explore_set *sets[] = {&x->states,  &m->frames, &m->lists,     &m->digests,
                                        &m->batches, &m->blocks, &m->images,    &m->keys,
                                        &m->records, &m->disks,  &m->snapshots, &m->bodies};
    const struct explore_map *maps[] = {&x->joined,      &x->full,   &x->local_options,
                                        &x->lie_options, &x->finals, &m->steps};
    uint64_t bytes = x->came_capacity * sizeof *x->came + x->options_capacity * sizeof *x->options +
                     m->locals_capacity * sizeof *m->locals;
    for (uint32_t i = 0; i < ARRAY_COUNT(sets); i++) bytes += explore_set_bytes(sets[i]);
    for (uint32_t i = 0; i < ARRAY_COUNT(maps); i++)
        bytes += maps[i]->capacity * (sizeof(uint64_t) + sizeof(uint32_t));
    return bytes + (m->config.n + 1u) * (m->memory_size + m->app_size);
}

static void count_lies(struct nika_explore *x)
{
    for (uint32_t i = 0; i < x->model.frames.count; i++) {
        const struct explore_message *message = &x->model.messages[i];
        if (message->sender != x->model.options.corrupted) continue;
        NIKA_ASSERT(message->type < ARRAY_COUNT(x->result.lies));
        if (message->hidden)
            x->result.lies_hidden++;
        else
            x->result.lies[message->type]++;
    }
}

void nika_explore_run(struct nika_explore *x, struct nika_explore_result *out)
{
    const struct nika_explore_options *o = &x->model.options;
    bool going = true;
    for (uint32_t steps = 0; steps < EXPLORE_STEPS_MAX && going; steps++) {
        struct explore_level *level = &x->level[steps];
        if (level->count > 0) x->result.depth = steps;
        for (uint32_t i = 0; i < level->count && going; i++) {
            uint32_t state = level->states[i];
            if (x->came[state].steps < steps) continue; /* A shorter way was found since. */
            if (o->progress != NULL && x->result.looked_at % o->progress_every == 0)
                o->progress(o->context, x->result.looked_at, x->states.count, steps);
            going = look_at(x, state);
            if (!going || x->states.count <= o->states_max) continue;
            x->result.end = NIKA_EXPLORE_LIMIT;
            going = false;
        }
        free(level->states);
        *level = (struct explore_level){0};
    }
    /* What an alarm was about may come to pass a little later, so that alone does not end the search. */
    if (x->alarm != EXPLORE_NONE && x->result.end != NIKA_EXPLORE_VIOLATION) {
        x->result.end = NIKA_EXPLORE_ALARM;
        x->result.depth = x->alarm_depth;
        x->last = x->alarm;
    }
    x->result.states = x->states.count;
    x->result.local_states = x->model.keys.count;
    x->result.messages = (uint32_t)x->model.frames.count;
    x->result.replays = x->model.replays;
    x->result.transfers = x->model.transfers;
    x->result.crashes = x->model.crashes;
    count_lies(x);
    x->result.bytes = bytes_used(x);
    *out = x->result;
}

/* ---- opening ---- */

static void configure(struct explore_model *m)
{
    nika_config_default(&m->config);
    m->config.protocol = m->options.protocol->id;
    m->config.n = m->options.n;
    m->config.f = m->options.f;
    m->config.clients = m->options.orders;
    m->config.suite = NIKA_SUITE_SIM;
    bool due = m->options.checkpoint != 0;
    m->config.checkpoint_interval = due ? m->options.checkpoint : EXPLORE_ORDERS + 1;
    m->config.window = (due ? 4 : 2) * m->config.checkpoint_interval;
    m->config.pipeline = m->config.window;
    m->config.batch_count_max = 1;
    m->config.batch_bytes_max = 4096;
    m->config.op_size_max = 64;
    m->config.snapshot_size_max = m->config.chunk_size;
    m->config.store_bytes = 256 * 1024;
    m->config.batch_ns = 0;
}

static const char *check(const struct nika_explore_options *o)
{
    if (o->n > NIKA_EXPLORE_REPLICAS_MAX) return "at most 4 replicas";
    if (o->views < 1 || o->views > NIKA_EXPLORE_VIEWS_MAX) return "1 to 5 views";
    if (o->orders < 1 || o->orders > NIKA_EXPLORE_ORDERS_MAX) return "1 to 3 orders";
    if (o->checkpoint > o->orders) return "a checkpoint within the orders";
    if (o->crashes > NIKA_EXPLORE_CRASHES_MAX) return "at most 2 crashes a replica";
    if (o->corrupted == NIKA_NODE_NONE) return NULL;
    if (o->corrupted >= o->n) return "the corrupted replica must be one of the n";
    if (strcmp(o->protocol->name, "hybster") != 0)
        return "only Hybster's corrupted replica is known; leave it out";
    return NULL;
}

static const struct explore_protocol *protocol_of(const char *name)
{
    static const struct explore_protocol *const known[] = {&explore_hybster, &explore_pbft};
    for (uint32_t i = 0; i < ARRAY_COUNT(known); i++) {
        if (strcmp(known[i]->name, name) == 0) return known[i];
    }
    return NULL;
}

static void begin(struct nika_explore *x)
{
    struct explore_model *m = &x->model;
    uint16_t ids[NIKA_EXPLORE_ORDERS_MAX];
    uint32_t parts[NIKA_EXPLORE_REPLICAS_MAX] = {0};
    uint32_t none = explore_list_add(m, ids, 0);
    for (uint32_t i = 0; i < m->options.orders; i++) ids[i] = (uint16_t)explore_request(m, i);
    x->requests = explore_list_add(m, ids, m->options.orders);
    for (uint32_t i = 0; i < m->config.n; i++)
        parts[i] = i == m->options.corrupted ? none : explore_local_first(m, i);
    reach(x, parts, (struct explore_came){.from = EXPLORE_NONE});
    x->result.steps = 0;
}

struct nika_explore *nika_explore_new(const struct nika_explore_options *options,
                                      const char **reason)
{
    *reason = check(options);
    if (*reason != NULL) return NULL;
    struct nika_explore *x = calloc(1, sizeof *x);
    *reason = "out of memory";
    if (x == NULL) return NULL;
    struct explore_model *m = &x->model;
    m->options = *options;
    x->alarm = EXPLORE_NONE;
    m->protocol = protocol_of(options->protocol->name);
    m->ops = options->protocol->replica;
    configure(m);
    if (m->protocol == NULL) *reason = "this protocol cannot be explored";
    bool good = m->protocol != NULL && nika_config_seal(&m->config, reason) == NIKA_OK;
    if (good && m->ops->check != NULL) {
        const char *wrong = m->ops->check(&m->config);
        good = wrong == NULL;
        if (!good) *reason = wrong;
    }
    if (!good) {
        free(x);
        return NULL;
    }
    *reason = "out of memory";
    if (!explore_places_open(m)) {
        nika_explore_free(x);
        return NULL;
    }
    begin(x);
    return x;
}

void nika_explore_free(struct nika_explore *x)
{
    if (x == NULL) return;
    struct explore_model *m = &x->model;
    struct explore_set *sets[] = {&x->states,  &m->frames, &m->lists,     &m->digests,
                                  &m->batches, &m->blocks, &m->images,    &m->keys,
                                  &m->records, &m->disks,  &m->snapshots, &m->bodies};
    struct explore_map *maps[] = {&x->joined,      &x->full,   &x->local_options,
                                  &x->lie_options, &x->finals, &m->steps};
    for (uint32_t i = 0; i < ARRAY_COUNT(sets); i++) explore_set_free(sets[i]);
    for (uint32_t i = 0; i < ARRAY_COUNT(maps); i++) explore_map_free(maps[i]);
    explore_places_close(m);
    free(m->messages);
    free(m->locals);
    free(x->came);
    free(x->options);
    free(x->walk.seen);
    free(x->walk.stops);
    for (uint32_t i = 0; i < EXPLORE_STEPS_MAX; i++) free(x->level[i].states);
    free(x);
}
