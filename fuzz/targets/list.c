/* fuzz/targets/list.c: mutations of inputs that are lists of operations: an entry is never cut in two. */
#include "fuzz/targets/target.h"

enum step { STEP_ALTER, STEP_INSERT, STEP_DROP, STEP_MOVE, STEP_DUPLICATE, STEP_HEAD, STEP_COUNT };

struct edit {
    const struct nika_target_list *list;
    uint8_t *entries;
    uint32_t count, room; /* Entries. */
};

static void insert(struct edit *e, uint32_t at, const uint8_t *entry)
{
    uint32_t size = e->list->entry;
    memmove(e->entries + (at + 1) * size, e->entries + at * size, (e->count - at) * size);
    memcpy(e->entries + at * size, entry, size);
    e->count++;
}

static void drop(struct edit *e, uint32_t at)
{
    uint32_t size = e->list->entry;
    e->count--;
    memmove(e->entries + at * size, e->entries + (at + 1) * size, (e->count - at) * size);
}

/* A full list takes a new entry in the place of another: a step that changes nothing is a run thrown away. */
static void add(struct edit *e, const uint8_t *entry, struct nika_target_draw *draw)
{
    if (e->count == e->room) drop(e, nika_target_draw(draw, e->count));
    insert(e, nika_target_draw(draw, e->count + 1), entry);
}

/* Anywhere but where it was. */
static void move(struct edit *e, uint32_t at, const uint8_t *entry, struct nika_target_draw *draw)
{
    if (e->count < 2) return;
    drop(e, at);
    insert(e, (at + 1 + nika_target_draw(draw, e->count)) % (e->count + 1), entry);
}

static void one_step(struct edit *e, enum step step, struct nika_target_draw *draw)
{
    uint8_t entry[64];
    uint32_t size = e->list->entry;
    if (e->count == 0 || step == STEP_INSERT) {
        memset(entry, 0, sizeof entry);
        e->list->fresh(entry, draw);
        add(e, entry, draw);
        return;
    }
    uint32_t at = nika_target_draw(draw, e->count);
    memcpy(entry, e->entries + at * size, size);
    switch (step) {
    case STEP_ALTER:
        e->list->alter(e->entries + at * size, draw);
        return;
    case STEP_DROP:
        drop(e, at);
        return;
    case STEP_MOVE:
        move(e, at, entry, draw);
        return;
    case STEP_DUPLICATE:
        if (nika_target_draw(draw, 2) == 0) e->list->alter(entry, draw);
        add(e, entry, draw);
        return;
    case STEP_INSERT:
    case STEP_HEAD:
    case STEP_COUNT:
        return;
    }
}

uint32_t nika_target_list_mutate(const struct nika_target_list *list, uint8_t *data, uint32_t size,
                                 uint32_t capacity, uint32_t seed)
{
    struct nika_target_draw draw = {seed};
    if (capacity < list->head + list->entry) return size;
    if (size < list->head) {
        memset(data + size, 0, list->head - size);
        size = list->head;
    }
    struct edit e = {.list = list,
                     .entries = data + list->head,
                     .count = (size - list->head) / list->entry,
                     .room = (capacity - list->head) / list->entry};
    uint32_t steps = 1 + nika_target_draw(&draw, 4);
    for (uint32_t i = 0; i < steps; i++) {
        enum step step = (enum step)nika_target_draw(&draw, STEP_COUNT);
        if (step == STEP_HEAD && list->head > 0) {
            data[nika_target_draw(&draw, list->head)] = (uint8_t)nika_target_draw(&draw, 256);
        } else {
            one_step(&e, step, &draw);
        }
    }
    return list->head + e.count * list->entry;
}

uint32_t nika_target_list_cross(const struct nika_target_list *list, struct nika_span a,
                                struct nika_span b, uint8_t *out, uint32_t capacity, uint32_t seed)
{
    struct nika_target_draw draw = {seed};
    if (a.size < list->head || b.size < list->head || capacity < list->head) return 0;
    uint32_t from_a = nika_target_draw(&draw, (a.size - list->head) / list->entry + 1);
    uint32_t count_b = (b.size - list->head) / list->entry;
    uint32_t skip_b = nika_target_draw(&draw, count_b + 1);
    uint32_t room = (capacity - list->head) / list->entry;
    if (from_a > room) from_a = room;
    uint32_t from_b = count_b - skip_b;
    if (from_b > room - from_a) from_b = room - from_a;
    memcpy(out, a.data, list->head + from_a * list->entry);
    memcpy(out + list->head + from_a * list->entry, b.data + list->head + skip_b * list->entry,
           from_b * list->entry);
    return list->head + (from_a + from_b) * list->entry;
}

bool nika_target_mutates(const struct nika_target *target)
{
    return target->mutate != NULL || target->list != NULL;
}

bool nika_target_crosses(const struct nika_target *target)
{
    return target->cross != NULL || target->list != NULL;
}

uint32_t nika_target_mutate(const struct nika_target *target, uint8_t *data, uint32_t size,
                            uint32_t capacity, uint32_t seed)
{
    if (target->mutate != NULL) return target->mutate(data, size, capacity, seed);
    return nika_target_list_mutate(target->list, data, size, capacity, seed);
}

uint32_t nika_target_cross(const struct nika_target *target, struct nika_span a, struct nika_span b,
                           uint8_t *out, uint32_t capacity, uint32_t seed)
{
    if (target->cross != NULL) return target->cross(a, b, out, capacity, seed);
    return nika_target_list_cross(target->list, a, b, out, capacity, seed);
}
