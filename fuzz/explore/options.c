/* fuzz/explore/options.c: what may happen to one replica (search.h).
 *
 * Others can tell a replica's steps apart only by what it sends and what it holds for final. A step that shows neither is quiet: it
 * commutes with every step of every other replica, for messages that exist stay. So quiet steps can be put off until just before the
 * next step of the same replica that shows something, and only what such a step leads to is a state of the whole. Nothing is lost by
 * that but states that differ in what nobody has seen yet; a shortest path stays as short, for no step is added. */
#include "fuzz/explore/search.h"

/* ---- blocks ---- */

static uint32_t options_begin(struct nika_explore *x)
{
    x->options =
        explore_room(x->options, &x->options_capacity, x->options_count + 1ull, sizeof *x->options);
    x->options[x->options_count] = (struct explore_option){0};
    return x->options_count++;
}

/* The first of a block tells in `next` how many follow it. */
static void option_add(struct nika_explore *x, uint32_t block, struct explore_option option)
{
    x->options =
        explore_room(x->options, &x->options_capacity, x->options_count + 1ull, sizeof *x->options);
    NIKA_ASSERT(x->options_count < EXPLORE_NONE);
    x->options[x->options_count++] = option;
    x->options[block].next++;
}

/* ---- one step ---- */

static bool may_take(const struct explore_local *local, const struct explore_message *message)
{
    if (message->hidden) return false;
    return message->sender != local->replica || message->message_class == NIKA_MESSAGE_TRANSFER;
}

/* Are all messages of `now` that `before` lacks COMMITs of what is proven final without them? */
static bool adds_nothing(const struct nika_explore *x, uint32_t before, uint32_t now)
{
    const struct explore_model *m = &x->model;
    uint32_t had = 0, count = 0, k = 0;
    if (before == now) return true;
    const uint16_t *old = explore_list_at(m, before, &had), *ids = explore_list_at(m, now, &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct explore_message *message = &m->messages[ids[i]];
        while (k < had && old[k] < ids[i]) k++;
        if (k < had && old[k] == ids[i]) continue;
        if (message->message_class != NIKA_MESSAGE_COMMIT ||
            !explore_is_among(x, x->walk.finals, message->view, message->seq, message->value))
            return false;
    }
    return true;
}

/* What it holds for final only counts where the messages that exist do not prove it. */
static bool quiet(const struct nika_explore *x, uint32_t from, uint32_t to)
{
    const struct explore_local *a = &x->model.locals[from], *b = &x->model.locals[to];
    if (x->model.options.every) return false;
    if (a->alarmed != b->alarmed || a->contradicts != b->contradicts ||
        !adds_nothing(x, a->sent, b->sent))
        return false;
    for (uint32_t o = 1; o <= EXPLORE_ORDERS; o++) {
        if (a->decided[o] != b->decided[o] &&
            !explore_is_among(x, x->walk.finals, EXPLORE_ANY_VIEW, o, b->decided[o] - 1))
            return false;
    }
    return true;
}

/* ---- quiet walks ---- */

/* First visit of a local state in this walk? */
static bool walk_visit(struct explore_walk *w, uint32_t local)
{
    w->seen = explore_room_zero(w->seen, &w->seen_capacity, local + UINT64_C(1), sizeof *w->seen);
    if (w->seen[local] == w->round) return false;
    w->seen[local] = w->round;
    return true;
}

static void walk_push(struct explore_walk *w, struct explore_stop stop)
{
    w->stops = explore_room(w->stops, &w->stops_capacity, w->count + 1ull, sizeof *w->stops);
    w->stops[w->count++] = stop;
}

/* Does what `event` shows at `at`'s predecessor already show there, so that the quiet step to `at` can wait until after it? */
static bool can_wait(struct nika_explore *x, const struct explore_stop *at, uint16_t event,
                     uint32_t next)
{
    struct explore_model *m = &x->model;
    if (at->steps == 0) return false;
    uint32_t before = x->walk.stops[at->from].local;
    uint32_t early = explore_local_step(m, before, event);
    if (early == before || quiet(x, before, early) || !quiet(x, early, next)) return false;
    return explore_local_step(m, early, at->event) == next;
}

static void try_event(struct nika_explore *x, uint32_t block, uint32_t index, uint16_t event)
{
    struct explore_stop at = x->walk.stops[index];
    uint32_t next = explore_local_step(&x->model, at.local, event);
    if (next == at.local) return;
    if (quiet(x, at.local, next)) {
        struct explore_stop stop = {
            .local = next, .from = index, .event = event, .steps = (uint16_t)(at.steps + 1)};
        if (walk_visit(&x->walk, next)) walk_push(&x->walk, stop);
        return;
    }
    if (can_wait(x, &at, event, next) || !walk_visit(&x->walk, next)) return;
    option_add(
        x, block,
        (struct explore_option){.event = event, .steps = (uint16_t)(at.steps + 1), .next = next});
}

static void try_all(struct nika_explore *x, uint32_t block, uint32_t index, uint32_t soup)
{
    struct explore_model *m = &x->model;
    uint32_t count = 0, local = x->walk.stops[index].local;
    for (uint32_t i = 0;; i++) {
        const uint16_t *ids = explore_list_at(m, soup, &count);
        if (i >= count) break;
        uint16_t id = ids[i];
        if (may_take(&m->locals[local], &m->messages[id])) try_event(x, block, index, id);
    }
    for (uint32_t t = 0; t < COMMON_TIMER_COUNT; t++) {
        if ((m->locals[local].timers >> t & 1) != 0) try_event(x, block, index, EXPLORE_TIMER(t));
    }
    if (m->locals[local].crashes >= m->options.crashes || m->locals[local].doomed != 0) return;
    try_event(x, block, index, EXPLORE_CRASH(0, false));
    for (uint32_t after = 1; after < EXPLORE_CRASH_POINTS; after++) {
        try_event(x, block, index, EXPLORE_CRASH(after, false));
        try_event(x, block, index, EXPLORE_CRASH(after, true));
    }
}

static void walk(struct nika_explore *x, uint32_t block, uint32_t local, uint32_t soup)
{
    x->walk.round++;
    x->walk.finals = explore_finals_of(x, soup);
    x->walk.count = 0;
    (void)walk_visit(&x->walk, local);
    walk_push(&x->walk, (struct explore_stop){.local = local, .from = EXPLORE_NONE});
    for (uint32_t i = 0; i < x->walk.count; i++) try_all(x, block, i, soup);
}

uint32_t explore_local_options(struct nika_explore *x, uint32_t local, uint32_t soup)
{
    uint32_t block = 0;
    uint64_t key = (uint64_t)local << 32 | soup;
    if (explore_map_get(&x->local_options, key, &block)) return block;
    block = options_begin(x);
    walk(x, block, local, soup);
    explore_map_put(&x->local_options, key, block);
    return block;
}

uint32_t explore_lie_options(struct nika_explore *x, uint32_t mine, uint32_t soup)
{
    static struct explore_moves moves;
    uint32_t block = 0;
    uint64_t key = (uint64_t)mine << 32 | soup;
    if (explore_map_get(&x->lie_options, key, &block)) return block;
    explore_lies(&x->model, mine, soup, &moves);
    uint32_t finals = explore_finals_of(x, soup);
    block = options_begin(x);
    for (uint32_t i = 0; i < moves.count; i++) {
        const struct explore_message *message = &x->model.messages[moves.certified[i]];
        /* A COMMIT of what is proven final adds nothing and only uses its counter up. */
        if (message->message_class == NIKA_MESSAGE_COMMIT && !x->model.options.every &&
            explore_is_among(x, finals, message->view, message->seq, message->value))
            continue;
        option_add(x, block,
                   (struct explore_option){
                       .event = moves.certified[i], .steps = 1, .next = moves.next[i]});
    }
    explore_map_put(&x->lie_options, key, block);
    return block;
}

uint32_t explore_quiet_path(struct nika_explore *x, uint32_t local, uint32_t soup, uint16_t event,
                            uint32_t next, uint16_t *path, uint32_t capacity)
{
    uint32_t used = x->options_count, block = options_begin(x), length = 0, at = EXPLORE_NONE;
    walk(x, block, local, soup);
    x->options_count = used; /* They are kept already, in another block. */
    for (uint32_t i = 0; i < x->walk.count && at == EXPLORE_NONE; i++) {
        if (explore_local_step(&x->model, x->walk.stops[i].local, event) == next) at = i;
    }
    NIKA_ASSERT(at != EXPLORE_NONE && x->walk.stops[at].steps <= capacity);
    length = x->walk.stops[at].steps;
    for (uint32_t i = length; i > 0; i--, at = x->walk.stops[at].from)
        path[i - 1] = x->walk.stops[at].event;
    return length;
}
