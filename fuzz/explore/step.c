/* fuzz/explore/step.c: real modules, taken out of a state, given one event, put back (model.h).
 *
 * Disk and application answer within the step, a batch that a replica waits for comes at once, and the clock of a replica says only in
 * which view it is. So nothing is under way between two steps but messages. */
#include "apps/registry.h"
#include "engine/core/digest.h"
#include "fuzz/explore/model.h"
#include "protocols/common/window.h"

/* A leader of another view, or another leader, gives the same requests another agreed time and so another digest. */
#define VIEW_NS UINT64_C(1000000)
#define REPLICA_NS UINT64_C(1000)
#define START_NS UINT64_C(1000000000)
#define EVENTS_MAX 1000u /* Of one step; tens are usual. */

/* ---- images ---- */

/* Cut a part into blocks; their numbers go behind `count` others. */
static uint32_t keep_part(struct explore_model *m, const void *part, size_t used, uint32_t *blocks,
                          uint32_t count)
{
    const uint8_t *bytes = part;
    for (size_t at = 0; at < used; at += EXPLORE_BLOCK) {
        size_t size = used - at < EXPLORE_BLOCK ? used - at : EXPLORE_BLOCK;
        blocks[count++] = explore_set_add(&m->blocks, bytes + at, size);
    }
    blocks[count++] = EXPLORE_NONE;
    return count;
}

/* The parts of a place, one after the other: module, application, trusted instance. */
static uint32_t image_keep(struct explore_model *m, struct explore_place *p)
{
    static uint32_t blocks[1u << 16];
    size_t most = m->memory_size + m->app_size + sizeof p->trusted;
    NIKA_ASSERT(most / EXPLORE_BLOCK + 6 < ARRAY_COUNT(blocks));
    uint32_t count = keep_part(m, p->memory, m->ops->used(p->replica), blocks, 0);
    count = keep_part(m, p->app_memory, nika_app_null.used(p->app), blocks, count);
    count = keep_part(m, &p->trusted, nika_trusted_instance_used(&p->trusted), blocks, count);
    return explore_set_add(&m->images, blocks, count * sizeof *blocks);
}

/* Put a part back; what lay behind it is zero again. Returns the number of the next block. */
static uint32_t restore_part(struct explore_model *m, void *part, size_t was_used,
                             const uint32_t *blocks, uint32_t next)
{
    uint8_t *bytes = part;
    size_t at = 0;
    for (; blocks[next] != EXPLORE_NONE; next++) {
        size_t size = 0;
        const uint8_t *block = explore_set_at(&m->blocks, blocks[next], &size);
        memcpy(bytes + at, block, size);
        at += size;
    }
    if (was_used > at) memset(bytes + at, 0, was_used - at);
    return next + 1;
}

static void image_restore(struct explore_model *m, struct explore_place *p, uint32_t image)
{
    size_t size = 0;
    const uint32_t *blocks =
        (const uint32_t *)(const void *)explore_set_at(&m->images, image, &size);
    size_t module = m->ops->used(p->replica), app = nika_app_null.used(p->app);
    size_t trusted = nika_trusted_instance_used(&p->trusted);
    uint32_t next = restore_part(m, p->memory, module, blocks, 0);
    next = restore_part(m, p->app_memory, app, blocks, next);
    (void)restore_part(m, &p->trusted, trusted, blocks, next);
}

/* ---- one step ---- */

/* What others could see of it is kept; what only repeats or asks is not. */
static void sent(struct explore_model *m, struct nika_span raw)
{
    struct nika_frame frame;
    struct nika_summary summary;
    enum nika_err err = nika_frame_parse(raw, m->config.epoch, NIKA_MESSAGE_SIZE_MAX, &frame);
    NIKA_ASSERT(err == NIKA_OK);
    m->ops->describe(frame.type, frame.body, &summary);
    switch ((enum nika_message_class)m->ops->messages->messages[frame.type]->message_class) {
    case NIKA_MESSAGE_BATCH:
        explore_batch_made(m, &summary.digest, raw);
        return;
    case NIKA_MESSAGE_PROPOSE:
    case NIKA_MESSAGE_PREPARE:
    case NIKA_MESSAGE_COMMIT:
    case NIKA_MESSAGE_VIEW_CHANGE:
    case NIKA_MESSAGE_NEW_VIEW:
    case NIKA_MESSAGE_CHECKPOINT:
        break;
    case NIKA_MESSAGE_OTHER:
    case NIKA_MESSAGE_REQUEST:
    case NIKA_MESSAGE_REPLY:
    case NIKA_MESSAGE_STATUS:
    case NIKA_MESSAGE_TRANSFER:
        return;
    }
    uint32_t id = explore_message_add(m, raw), count = 0;
    const uint16_t *orders = explore_list_at(m, m->messages[id].orders, &count);
    NIKA_ASSERT(m->sent_count + count < EXPLORE_LIST_MAX);
    m->sent[m->sent_count++] = (uint16_t)id;
    /* Orders of a NEW-VIEW travel only within it, but whoever sees it has them. */
    for (uint32_t i = 0; i < count; i++) m->sent[m->sent_count++] = orders[i];
}

static void note(struct explore_model *m, const struct nika_action *a, struct nika_span bytes)
{
    if (a->id == NIKA_NOTE_ALARM) m->now.alarmed = true;
    if (a->id == NIKA_NOTE_TRANSFER && a->b == 1) m->transfers++;
    if (a->id != NIKA_NOTE_COMMITTED) return;
    struct nika_digest digest;
    NIKA_ASSERT(a->a <= EXPLORE_ORDERS);
    memcpy(digest.bytes, bytes.data, NIKA_DIGEST_SIZE);
    uint32_t batch = explore_batch(m, &digest) + 1;
    if (m->now.decided[a->a] == 0) m->now.decided[a->a] = batch;
    if (m->now.decided[a->a] != batch) m->now.contradicts = true;
}

static void apply(struct explore_model *m, struct explore_place *p, const struct nika_action *a,
                  struct nika_span bytes)
{
    if (a->kind == NIKA_ACTION_SEND || a->kind == NIKA_ACTION_BROADCAST)
        sent(m, bytes);
    else if (a->kind == NIKA_ACTION_NOTE)
        note(m, a, bytes);
    else if (a->kind != NIKA_ACTION_TIMER)
        explore_world_apply(m, p, a, bytes);
}

static void step_once(struct explore_model *m, struct explore_place *p, struct nika_event *event)
{
    event->now_ns = START_NS + m->now.view * VIEW_NS + m->now.replica * REPLICA_NS;
    nika_effects_clear(&m->effects);
    m->events++;
    m->ops->step(p->replica, event, &m->effects);
    NIKA_ASSERT(!m->effects.overflow);
    for (uint32_t i = 0; i < m->effects.count; i++) {
        const struct nika_action *action = &m->effects.actions[i];
        apply(m, p, action, nika_action_bytes(&m->effects, action));
    }
}

static struct common_core *core_of(struct explore_place *p)
{
    return (struct common_core *)(void *)p->replica; /* Every protocol here begins with it. */
}

/* Batches that the replica waits for and that anybody has. */
static void want_batches(struct explore_model *m, struct explore_place *p)
{
    const struct common_core *core = core_of(p);
    for (uint64_t s = core->low_mark + 1; s <= core->highest_slot; s++) {
        const struct common_slot *slot = common_slot_find(core, s);
        const struct nika_digest *digest = slot == NULL ? NULL : common_slot_awaits(core, slot);
        uint32_t batch = digest == NULL ? 0 : explore_batch(m, digest);
        if (digest == NULL || m->batch[batch] == 0 || (m->given >> batch & 1) != 0) continue;
        m->given |= UINT64_C(1) << batch;
        explore_push(m, (struct explore_pending){.kind = NIKA_EVENT_MESSAGE, .batch = batch});
    }
}

/* What is under way reaches the module. */
static void complete(struct explore_model *m, struct explore_place *p)
{
    struct explore_pending next = m->pending[m->pending_first];
    struct nika_frame frame;
    struct nika_event event = {.kind = next.kind, .token = next.token};
    m->pending_first = (m->pending_first + 1) % EXPLORE_PENDING_MAX;
    m->pending_count--;
    if (next.record != 0) explore_disk_write(m, next.record - 1);
    if (next.kind == NIKA_EVENT_APP)
        event.bytes = (struct nika_span){m->answers + next.offset, next.size};
    if (next.kind == NIKA_EVENT_MESSAGE) {
        size_t size = 0;
        const uint8_t *bytes = explore_set_at(&m->batches, m->batch[next.batch] - 1, &size);
        enum nika_err err = nika_frame_parse((struct nika_span){bytes, (uint32_t)size},
                                             m->config.epoch, NIKA_MESSAGE_SIZE_MAX, &frame);
        NIKA_ASSERT(err == NIKA_OK);
        event.frame = &frame;
    }
    step_once(m, p, &event);
}

/* Until nothing is under way, or until the module has had `limit` events. */
static void settle(struct explore_model *m, struct explore_place *p, uint32_t limit)
{
    struct nika_frame piece;
    struct nika_event event = {.kind = NIKA_EVENT_MESSAGE, .frame = &piece};
    for (want_batches(m, p); m->events < limit; want_batches(m, p)) {
        NIKA_ASSERT(m->events < EVENTS_MAX);
        if (m->pending_count > 0)
            complete(m, p);
        else if (explore_state_piece(m, p, &piece))
            step_once(m, p, &event);
        else
            return;
    }
}

/* The state that lies in the place, with what it sent, as a local state. */
static uint32_t keep(struct explore_model *m, struct explore_place *p)
{
    struct nika_replica_status status;
    struct common_core *core = core_of(p);
    struct {
        struct nika_digest digest;
        struct explore_local local;
    } key;
    m->protocol->forget(p->replica);
    m->ops->status(p->replica, &status);
    m->now.sent = explore_list_add(m, m->sent, m->sent_count);
    m->now.disk = explore_set_add(&m->disks, m->disk, m->disk_count * sizeof *m->disk);
    m->now.view = status.view;
    m->now.active = status.active;
    m->now.timers = 0;
    for (uint32_t t = 0; t < COMMON_TIMER_COUNT; t++) {
        bool leaves = status.view + 1 >= m->options.views && t != COMMON_TIMER_LAG;
        if (core->timer_armed[t] && !leaves) m->now.timers |= (uint8_t)(1u << t);
    }
    memset(&key, 0, sizeof key);
    m->ops->digest(p->replica, &key.digest);
    m->now.image = 0;
    memcpy(&key.local, &m->now, sizeof key.local);
    uint32_t before = m->keys.count;
    uint32_t local = explore_set_add(&m->keys, &key, sizeof key);
    if (m->keys.count == before) {
        p->holds = EXPLORE_NONE; /* Equal, but not byte by byte. */
        return local;
    }
    m->locals = explore_room(m->locals, &m->locals_capacity, local + 1ull, sizeof *m->locals);
    m->now.image = image_keep(m, p);
    m->locals[local] = m->now;
    p->holds = local;
    return local;
}

/* What a local state has besides its module: taken along into the step. */
static void carry(struct explore_model *m, uint32_t local)
{
    uint32_t count = 0;
    size_t size = 0;
    m->now = m->locals[local];
    const uint16_t *had = explore_list_at(m, m->now.sent, &count);
    if (count > 0) memcpy(m->sent, had, count * sizeof *had);
    m->sent_count = count;
    const uint8_t *disk = explore_set_at(&m->disks, m->now.disk, &size);
    if (size > 0) memcpy(m->disk, disk, size);
    m->disk_count = (uint32_t)(size / sizeof *m->disk);
    m->given = 0;
    m->answers_used = 0;
    m->events = 0;
}

/* The process ends here, and starts again from its disk. */
static void crash(struct explore_model *m, struct explore_place *p, bool keeps)
{
    struct nika_event start = {.kind = NIKA_EVENT_START};
    for (; m->pending_count > 0; m->pending_count--) {
        uint32_t record = m->pending[m->pending_first].record;
        m->pending_first = (m->pending_first + 1) % EXPLORE_PENDING_MAX;
        if (record != 0 && keeps) explore_disk_write(m, record - 1);
    }
    m->crashes++;
    m->now.crashes++;
    m->given = 0;
    m->events = 0;
    explore_recover(m, p);
    step_once(m, p, &start);
    settle(m, p, UINT32_MAX);
}

/* An event that ends in the crash that was announced. False: it is over before that. */
static bool interrupted(struct explore_model *m, struct explore_place *p, struct nika_event *event)
{
    uint32_t doom = m->now.doomed - 1u;
    m->now.doomed = 0;
    step_once(m, p, event);
    settle(m, p, doom / 2);
    if (m->pending_count == 0) return false;
    crash(m, p, doom % 2 != 0);
    return true;
}

/* The crash is announced, so that the step which it ends can be any; or comes between two steps. */
static uint32_t announce(struct explore_model *m, struct explore_place *p, uint16_t event_id)
{
    uint32_t doom = event_id - EXPLORE_CRASH(0, false);
    m->now.doomed = doom < 2 ? 0 : (uint8_t)(doom + 1);
    if (doom < 2) crash(m, p, false);
    return keep(m, p);
}

static uint32_t take(struct explore_model *m, struct explore_place *p, uint32_t local,
                     uint16_t event_id)
{
    struct nika_frame frame;
    struct nika_event event = {.kind = NIKA_EVENT_MESSAGE, .frame = &frame};
    if (event_id >= EXPLORE_CRASH(0, false)) return announce(m, p, event_id);
    if (event_id < EXPLORE_MESSAGES_MAX) {
        explore_message_frame(m, event_id, &frame);
        if (m->protocol->useless(p->replica, &frame)) return local;
    } else {
        event =
            (struct nika_event){.kind = NIKA_EVENT_TIMER, .timer = event_id - EXPLORE_MESSAGES_MAX};
    }
    m->replays++;
    if (m->now.doomed != 0) {
        bool crashed = interrupted(m, p, &event);
        if (!crashed) p->holds = EXPLORE_NONE;
        return crashed ? keep(m, p) : local;
    }
    step_once(m, p, &event);
    settle(m, p, UINT32_MAX);
    return keep(m, p);
}

uint32_t explore_local_step(struct explore_model *m, uint32_t local, uint16_t event_id)
{
    uint32_t next = 0;
    uint64_t key = (uint64_t)local << 16 | event_id;
    if (explore_map_get(&m->steps, key, &next)) return next;
    struct explore_place *p = &m->place[m->locals[local].replica];
    if (p->holds != local) image_restore(m, p, m->locals[local].image);
    p->holds = local;
    carry(m, local);
    next = take(m, p, local, event_id);
    explore_map_put(&m->steps, key, next);
    return next;
}

uint32_t explore_local_first(struct explore_model *m, uint32_t replica)
{
    struct explore_place *p = &m->place[replica];
    struct nika_event event = {.kind = NIKA_EVENT_START};
    memset(&m->now, 0, sizeof m->now);
    m->now.replica = replica;
    m->sent_count = 0;
    m->disk_count = 0;
    m->given = 0;
    m->answers_used = 0;
    m->events = 0;
    step_once(m, p, &event);
    settle(m, p, UINT32_MAX);
    return keep(m, p);
}
