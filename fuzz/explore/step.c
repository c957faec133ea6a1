/* fuzz/explore/step.c: real modules, taken out of a state, given one event, put back (model.h).
 *
 * Disk and application answer within the step, a batch that a replica waits for comes at once, and the clock of a replica says only in
 * which view it is. So nothing is under way between two steps but messages. */
#include "apps/registry.h"
#include "engine/core/app_run.h"
#include "engine/core/digest.h"
#include "fuzz/explore/model.h"
#include "protocols/common/window.h"

/* A leader of another view, or another leader, gives the same requests another agreed time and so another digest. */
#define VIEW_NS UINT64_C(1000000)
#define REPLICA_NS UINT64_C(1000)
#define START_NS UINT64_C(1000000000)

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

static void push(struct explore_model *m, struct explore_pending pending)
{
    NIKA_ASSERT(m->pending_count < EXPLORE_PENDING_MAX);
    m->pending[(m->pending_first + m->pending_count++) % EXPLORE_PENDING_MAX] = pending;
}

static void execute(struct explore_model *m, struct explore_place *p, uint64_t token,
                    struct nika_span payload)
{
    struct nika_app_batch batch;
    struct nika_writer w =
        nika_writer_of(m->answers + m->answers_used, EXPLORE_ANSWER_BYTES - m->answers_used);
    nika_app_run_batch(&nika_app_null, p->app, m->config.reply_size_max, payload, &w, &batch);
    NIKA_ASSERT(!w.failed);
    push(m, (struct explore_pending){
                .kind = NIKA_EVENT_APP, .token = token, .offset = m->answers_used, .size = w.at});
    m->answers_used += w.at;
}

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
        break;
    case NIKA_MESSAGE_OTHER:
    case NIKA_MESSAGE_REQUEST:
    case NIKA_MESSAGE_REPLY:
    case NIKA_MESSAGE_CHECKPOINT:
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
    if (a->id != NIKA_NOTE_COMMITTED) return;
    struct nika_digest digest;
    NIKA_ASSERT(a->a <= EXPLORE_ORDERS);
    memcpy(digest.bytes, bytes.data, NIKA_DIGEST_SIZE);
    if (m->now.decided[a->a] == 0) m->now.decided[a->a] = explore_batch(m, &digest) + 1;
}

static void apply(struct explore_model *m, struct explore_place *p, const struct nika_action *a,
                  struct nika_span bytes)
{
    switch ((enum nika_action_kind)a->kind) {
    case NIKA_ACTION_SEND:
    case NIKA_ACTION_BROADCAST:
        sent(m, bytes);
        return;
    case NIKA_ACTION_PERSIST:
        push(m, (struct explore_pending){.kind = NIKA_EVENT_STORED, .token = a->token});
        return;
    case NIKA_ACTION_EXECUTE:
        execute(m, p, a->token, bytes);
        return;
    case NIKA_ACTION_NOTE:
        note(m, a, bytes);
        return;
    case NIKA_ACTION_TIMER:
    case NIKA_ACTION_LOG_TRIM:
        return;
    case NIKA_ACTION_QUERY:
    case NIKA_ACTION_SNAPSHOT_TAKE:
    case NIKA_ACTION_SNAPSHOT_SAVE:
    case NIKA_ACTION_SNAPSHOT_CHUNK:
    case NIKA_ACTION_SNAPSHOT_DROP:
    case NIKA_ACTION_RESTORE_BEGIN:
    case NIKA_ACTION_RESTORE_CHUNK:
    case NIKA_ACTION_RESTORE_END:
    case NIKA_ACTION_COMPLETE:
        break;
    }
    NIKA_ASSERT(false); /* No order within the bounds leads to any of these. */
}

static void step_once(struct explore_model *m, struct explore_place *p, struct nika_event *event)
{
    event->now_ns = START_NS + m->now.view * VIEW_NS + m->now.replica * REPLICA_NS;
    nika_effects_clear(&m->effects);
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
        push(m, (struct explore_pending){.kind = NIKA_EVENT_MESSAGE, .batch = batch});
    }
}

/* Until nothing is under way. */
static void settle(struct explore_model *m, struct explore_place *p)
{
    for (want_batches(m, p); m->pending_count > 0; want_batches(m, p)) {
        struct explore_pending next = m->pending[m->pending_first];
        struct nika_frame frame;
        struct nika_event event = {.kind = next.kind, .token = next.token};
        m->pending_first = (m->pending_first + 1) % EXPLORE_PENDING_MAX;
        m->pending_count--;
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
    m->now.view = status.view;
    m->now.active = status.active;
    m->now.timers = 0;
    for (uint32_t t = 0; t < COMMON_TIMER_COUNT; t++) {
        bool leaves = status.view + 1 >= m->options.views;
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

uint32_t explore_local_step(struct explore_model *m, uint32_t local, uint16_t event_id)
{
    uint32_t next = 0, count = 0;
    uint64_t key = (uint64_t)local << 16 | event_id;
    if (explore_map_get(&m->steps, key, &next)) return next;
    struct explore_place *p = &m->place[m->locals[local].replica];
    struct nika_frame frame;
    struct nika_event event = {.kind = NIKA_EVENT_MESSAGE, .frame = &frame};
    if (p->holds != local) image_restore(m, p, m->locals[local].image);
    p->holds = local;
    if (event_id < EXPLORE_MESSAGES_MAX) {
        explore_message_frame(m, event_id, &frame);
        if (m->protocol->useless(p->replica, &frame)) {
            explore_map_put(&m->steps, key, local);
            return local;
        }
    } else {
        event =
            (struct nika_event){.kind = NIKA_EVENT_TIMER, .timer = event_id - EXPLORE_MESSAGES_MAX};
    }
    m->replays++;
    m->now = m->locals[local];
    const uint16_t *had = explore_list_at(m, m->now.sent, &count);
    if (count > 0) memcpy(m->sent, had, count * sizeof *had);
    m->sent_count = count;
    m->given = 0;
    m->answers_used = 0;
    step_once(m, p, &event);
    settle(m, p);
    next = keep(m, p);
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
    m->given = 0;
    m->answers_used = 0;
    step_once(m, p, &event);
    settle(m, p);
    return keep(m, p);
}
