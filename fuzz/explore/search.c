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
static uint32_t soup_of(struct nika_explore *x, const uint32_t *parts)
{
    uint32_t all = x->requests, full = 0;
    for (uint32_t i = 0; i < x->model.config.n; i++) all = joined(x, all, sent_by(x, i, parts[i]));
    if (x->model.protocol != &explore_hybster) return all;
    if (explore_map_get(&x->full, all, &full)) return full;
    full = explore_free_messages(&x->model, all);
    explore_map_put(&x->full, all, full);
    return full;
}

/* ---- what may happen ---- */

static uint32_t options_begin(struct nika_explore *x)
{
    x->options =
        explore_room(x->options, &x->options_capacity, x->options_count + 1ull, sizeof *x->options);
    x->options[x->options_count] = (struct explore_option){0};
    return x->options_count++;
}

/* The first of a block tells in `next` how many follow it. */
static void option_add(struct nika_explore *x, uint32_t block, uint16_t event, uint32_t next)
{
    x->options =
        explore_room(x->options, &x->options_capacity, x->options_count + 1ull, sizeof *x->options);
    x->options[x->options_count++] = (struct explore_option){.event = event, .next = next};
    x->options[block].next++;
}

static bool may_take(const struct explore_local *local, const struct explore_message *message)
{
    if (message->hidden) return false;
    return message->sender != local->replica || message->message_class == NIKA_MESSAGE_TRANSFER;
}

/* All that can happen to a correct replica, less what leaves it as it is. */
static uint32_t local_options(struct nika_explore *x, uint32_t local, uint32_t soup)
{
    struct explore_model *m = &x->model;
    uint32_t block = 0, count = 0;
    uint64_t key = (uint64_t)local << 32 | soup;
    if (explore_map_get(&x->local_options, key, &block)) return block;
    block = options_begin(x);
    for (uint32_t i = 0;; i++) {
        const uint16_t *ids = explore_list_at(m, soup, &count);
        if (i >= count) break;
        uint16_t id = ids[i];
        if (!may_take(&m->locals[local], &m->messages[id])) continue;
        uint32_t next = explore_local_step(m, local, id);
        if (next != local) option_add(x, block, id, next);
    }
    for (uint32_t t = 0; t < COMMON_TIMER_COUNT; t++) {
        if ((m->locals[local].timers >> t & 1) == 0) continue;
        uint32_t next = explore_local_step(m, local, EXPLORE_TIMER(t));
        if (next != local) option_add(x, block, EXPLORE_TIMER(t), next);
    }
    explore_map_put(&x->local_options, key, block);
    return block;
}

static uint32_t lie_options(struct nika_explore *x, uint32_t mine, uint32_t soup)
{
    static struct explore_moves moves;
    uint32_t block = 0;
    uint64_t key = (uint64_t)mine << 32 | soup;
    if (explore_map_get(&x->lie_options, key, &block)) return block;
    explore_lies(&x->model, mine, soup, &moves);
    block = options_begin(x);
    for (uint32_t i = 0; i < moves.count; i++)
        option_add(x, block, moves.certified[i], moves.next[i]);
    explore_map_put(&x->lie_options, key, block);
    return block;
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

enum { NOTHING_FINAL, SOMETHING_FINAL, CONFLICT };

/* Do the messages that exist prove two batches final at one order? */
static uint32_t judge(struct nika_explore *x, uint32_t soup)
{
    uint32_t verdict = NOTHING_FINAL, count = 0;
    uint32_t final[EXPLORE_ORDERS + 1u] = {0};
    if (explore_map_get(&x->verdicts, soup, &verdict)) return verdict;
    const uint16_t *ids = explore_list_at(&x->model, soup, &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct explore_message *vote = &x->model.messages[ids[i]];
        if (vote->message_class != NIKA_MESSAGE_COMMIT || !is_final(x, ids, count, vote)) continue;
        uint32_t *held = &final[vote->seq];
        if (verdict == NOTHING_FINAL) verdict = SOMETHING_FINAL;
        if (*held != 0 && *held != vote->value + 1) verdict = CONFLICT;
        *held = vote->value + 1;
    }
    explore_map_put(&x->verdicts, soup, verdict);
    return verdict;
}

/* Do two correct replicas hold different batches for final at one order? */
static bool disagree(const struct nika_explore *x, const uint32_t *parts)
{
    const struct explore_model *m = &x->model;
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

static void reach(struct nika_explore *x, const uint32_t *parts, uint32_t from, uint16_t event,
                  uint32_t actor)
{
    uint32_t before = x->states.count;
    x->result.steps++;
    uint32_t state = explore_set_add(&x->states, parts, x->model.config.n * sizeof *parts);
    if (x->states.count == before) return;
    x->came = explore_room(x->came, &x->came_capacity, state + 1ull, sizeof *x->came);
    x->came[state] = (struct explore_came){.from = from, .event = event, .actor = (uint16_t)actor};
}

static void expand(struct nika_explore *x, uint32_t state, const uint32_t *parts, uint32_t soup)
{
    const struct explore_model *m = &x->model;
    for (uint32_t i = 0; i < m->config.n; i++) {
        uint32_t next[NIKA_EXPLORE_REPLICAS_MAX];
        uint32_t block = i == m->options.corrupted ? lie_options(x, parts[i], soup)
                                                   : local_options(x, parts[i], soup);
        memcpy(next, parts, m->config.n * sizeof *next);
        for (uint32_t k = 1; k <= x->options[block].next; k++) {
            next[i] = x->options[block + k].next;
            reach(x, next, state, x->options[block + k].event, i);
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
    uint32_t soup = soup_of(x, parts), verdict = judge(x, soup);
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
    const struct explore_set *sets[] = {&x->states,  &m->frames, &m->lists,  &m->digests,
                                        &m->batches, &m->blocks, &m->images, &m->keys};
    const struct explore_map *maps[] = {&x->joined,      &x->full,     &x->local_options,
                                        &x->lie_options, &x->verdicts, &m->steps};
    uint64_t bytes = x->came_capacity * sizeof *x->came + x->options_capacity * sizeof *x->options +
                     m->locals_capacity * sizeof *m->locals;
    for (uint32_t i = 0; i < ARRAY_COUNT(sets); i++) bytes += explore_set_bytes(sets[i]);
    for (uint32_t i = 0; i < ARRAY_COUNT(maps); i++)
        bytes += maps[i]->capacity * (sizeof(uint64_t) + sizeof(uint32_t));
    return bytes + (m->config.n + 1u) * (m->memory_size + m->app_size);
}

void nika_explore_run(struct nika_explore *x, struct nika_explore_result *out)
{
    const struct nika_explore_options *o = &x->model.options;
    uint32_t level_end = 1;
    for (uint32_t state = 0; state < x->states.count; state++) {
        if (state == level_end) {
            x->result.depth++;
            level_end = x->states.count;
        }
        if (o->progress != NULL && state % o->progress_every == 0)
            o->progress(o->context, state, x->states.count, x->result.depth);
        if (!look_at(x, state)) break;
        if (x->states.count <= o->states_max) continue;
        x->result.end = NIKA_EXPLORE_LIMIT;
        break;
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
    m->config.checkpoint_interval = EXPLORE_ORDERS + 1; /* So that none falls due. */
    m->config.window = 2 * m->config.checkpoint_interval;
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
    reach(x, parts, EXPLORE_NONE, 0, 0);
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
    struct explore_set *sets[] = {&x->states,  &m->frames, &m->lists,  &m->digests,
                                  &m->batches, &m->blocks, &m->images, &m->keys};
    struct explore_map *maps[] = {&x->joined,      &x->full,     &x->local_options,
                                  &x->lie_options, &x->verdicts, &m->steps};
    for (uint32_t i = 0; i < ARRAY_COUNT(sets); i++) explore_set_free(sets[i]);
    for (uint32_t i = 0; i < ARRAY_COUNT(maps); i++) explore_map_free(maps[i]);
    explore_places_close(m);
    free(m->messages);
    free(m->locals);
    free(x->came);
    free(x->options);
    free(x);
}
