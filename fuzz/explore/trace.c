/* fuzz/explore/trace.c: the steps to a state, for people (explore.h). */
#include "fuzz/explore/search.h"
#include "protocols/hybster/messages.h"

/* Batches are called a, b, c ... in the order in which they came up; the null batch is "null". */
static const char *batch_text(const struct explore_model *m, const struct nika_digest *digest,
                              char out[8])
{
    uint32_t batch = 0;
    if (nika_digest_is_null(digest)) return "null";
    for (; batch < m->digests.count; batch++) {
        struct nika_digest known = explore_batch_digest(m, batch);
        if (nika_digest_equal(&known, digest)) break;
    }
    snprintf(out, 8, batch < 26 ? "%c" : "%c'", 'a' + (int)(batch % 26));
    return out;
}

static const char *value_text(const struct explore_model *m, uint32_t value, char out[8])
{
    struct nika_digest digest = explore_batch_digest(m, value);
    return batch_text(m, &digest, out);
}

/* "[1:a 2:b]" of the orders of one view, "[]" of none. */
static void orders_text(const struct explore_model *m, const struct nika_list *list, char *out,
                        size_t size)
{
    struct nika_span raw;
    size_t at = (size_t)snprintf(out, size, "[");
    for (uint32_t k = 0; nika_frames_next(list, &k, &raw) && at < size;) {
        struct nika_frame frame;
        struct nika_summary summary;
        char name[8];
        if (nika_frame_parse(raw, m->config.epoch, NIKA_MESSAGE_SIZE_MAX, &frame) != NIKA_OK)
            continue;
        m->ops->describe(frame.type, frame.body, &summary);
        at += (size_t)snprintf(out + at, size - at, "%s%u:%s", at > 1 ? " " : "",
                               (unsigned)summary.seq, batch_text(m, &summary.digest, name));
    }
    if (at < size) snprintf(out + at, size - at, "]");
}

/* "r0,r2" */
static void senders_text(const struct explore_model *m, const struct nika_list *list, char *out,
                         size_t size)
{
    struct nika_span raw;
    size_t at = 0;
    out[0] = '\0';
    for (uint32_t k = 0; nika_frames_next(list, &k, &raw) && at < size;) {
        struct nika_frame frame;
        if (nika_frame_parse(raw, m->config.epoch, NIKA_MESSAGE_SIZE_MAX, &frame) != NIKA_OK)
            continue;
        at += (size_t)snprintf(out + at, size - at, "%sr%u", at > 0 ? "," : "", frame.sender);
    }
}

/* "h 2 and ", nothing where history begins. */
static const char *low_text(uint64_t low_mark, char out[32])
{
    out[0] = '\0';
    if (low_mark > 0) snprintf(out, 32, "h %u and ", (unsigned)low_mark);
    return out;
}

/* What the messages of Hybster's view changes say. False: it is none of them. */
static bool hybster_text(const struct explore_model *m, uint32_t id, char *out, size_t size)
{
    struct nika_frame frame;
    struct hybster_view_change change;
    struct hybster_new_view view;
    struct hybster_new_view_ack ack;
    char orders[128], from[32], acks[32], low[32];
    explore_message_frame(m, id, &frame);
    if (m->protocol != &explore_hybster) return false;
    if (frame.type == HYBSTER_TYPE_view_change &&
        nika_decode(&hybster_info_view_change, frame.body, &change) == NIKA_OK) {
        orders_text(m, &change.prepares, orders, sizeof orders);
        snprintf(out, size, "VIEW-CHANGE to %u from %u with %s%s, %u hops", (unsigned)change.view,
                 (unsigned)change.from, low_text(change.low_mark, low), orders, change.hops.count);
        return true;
    }
    if (frame.type == HYBSTER_TYPE_new_view_ack &&
        nika_decode(&hybster_info_new_view_ack, frame.body, &ack) == NIKA_OK) {
        orders_text(m, &ack.prepares, orders, sizeof orders);
        snprintf(out, size, "NEW-VIEW-ACK of %u for %u with %s%s", (unsigned)ack.base,
                 (unsigned)ack.view, low_text(ack.low_mark, low), orders);
        return true;
    }
    if (frame.type == HYBSTER_TYPE_new_view &&
        nika_decode(&hybster_info_new_view, frame.body, &view) == NIKA_OK) {
        orders_text(m, &view.prepares, orders, sizeof orders);
        senders_text(m, &view.view_changes, from, sizeof from);
        senders_text(m, &view.acks, acks, sizeof acks);
        snprintf(out, size, "NEW-VIEW %u on base %u by VIEW-CHANGEs of %s%s%s with %s",
                 (unsigned)view.view, (unsigned)view.base, from,
                 acks[0] == '\0' ? "" : " and acks of ", acks, orders);
        return true;
    }
    return false;
}

void explore_message_text(const struct explore_model *m, uint32_t id, char *out, size_t size)
{
    const struct explore_message *message = &m->messages[id];
    const char *name = m->ops->messages->messages[message->type]->name;
    char batch[8];
    if (hybster_text(m, id, out, size)) return;
    if (message->message_class == NIKA_MESSAGE_REQUEST)
        snprintf(out, size, "REQUEST of client %u", (unsigned)message->view);
    else if (message->value != EXPLORE_NONE)
        snprintf(out, size, "%s v%u o%u %s", name, (unsigned)message->view, (unsigned)message->seq,
                 value_text(m, message->value, batch));
    else if (message->message_class == NIKA_MESSAGE_CHECKPOINT)
        snprintf(out, size, "%s o%u", name, (unsigned)message->seq);
    else if (message->message_class == NIKA_MESSAGE_TRANSFER)
        snprintf(out, size, "%s", name);
    else
        snprintf(out, size, "%s for view %u", name, (unsigned)message->view);
}

/* What a replica sent, decided, entered in one step. */
static void print_results(const struct nika_explore *x, const struct explore_local *before,
                          const struct explore_local *after, FILE *file)
{
    const struct explore_model *m = &x->model;
    uint32_t had = 0, count = 0;
    char text[256], name[8];
    const uint16_t *old = explore_list_at(m, before->sent, &had);
    const uint16_t *ids = explore_list_at(m, after->sent, &count);
    for (uint32_t i = 0, k = 0; i < count; i++) {
        while (k < had && old[k] < ids[i]) k++;
        bool others = m->messages[ids[i]].sender != after->replica; /* Within a VIEW-CHANGE. */
        if (others || (k < had && old[k] == ids[i])) continue;
        explore_message_text(m, ids[i], text, sizeof text);
        fprintf(file, "        sends %s\n", text);
    }
    for (uint32_t o = 1; o <= EXPLORE_ORDERS; o++) {
        if (before->decided[o] != after->decided[o])
            fprintf(file, "        order %u is final: %s\n", o,
                    value_text(m, after->decided[o] - 1, name));
    }
    if (after->active && (!before->active || before->view != after->view))
        fprintf(file, "        enters view %u\n", (unsigned)after->view);
    if (after->contradicts && !before->contradicts)
        fprintf(file, "        contradicts what it held for final before it crashed\n");
    if (after->alarmed && !before->alarmed) fprintf(file, "        raises an ALARM\n");
}

static void print_event(const struct nika_explore *x, uint32_t number, uint32_t actor,
                        uint16_t event, FILE *file)
{
    const struct explore_model *m = &x->model;
    char text[256];
    if (event >= EXPLORE_CRASH(0, false)) {
        uint32_t doom = event - EXPLORE_CRASH(0, false);
        if (doom < 2)
            fprintf(file, "%4u  r%u crashes and starts again\n", number, actor);
        else
            fprintf(
                file,
                "%4u  r%u will crash in its next step, after %u events; what it is writing %s\n",
                number, actor, doom / 2, doom % 2 != 0 ? "arrives" : "is lost");
        return;
    }
    if (event >= EXPLORE_MESSAGES_MAX) {
        const char *timer = m->ops->timer_name(event - EXPLORE_MESSAGES_MAX);
        fprintf(file, "%4u  r%u's timer fires: %s\n", number, actor, timer);
        return;
    }
    explore_message_text(m, event, text, sizeof text);
    const struct explore_message *message = &m->messages[event];
    if (actor == m->options.corrupted)
        fprintf(file, "%4u  r%u, corrupted, certifies %s%s\n", number, actor, text,
                message->hidden ? " (to move its counter)" : "");
    else if (message->sender < m->config.n)
        fprintf(file, "%4u  r%u takes %s of r%u\n", number, actor, text, message->sender);
    else
        fprintf(file, "%4u  r%u takes %s\n", number, actor, text);
}

/* The quiet steps and the one that shows something. Returns the number of the next one. */
static uint32_t print_steps(struct nika_explore *x, uint32_t number, uint32_t state, FILE *file)
{
    const struct explore_came came = x->came[state];
    uint32_t before[NIKA_EXPLORE_REPLICAS_MAX], after[NIKA_EXPLORE_REPLICAS_MAX];
    uint16_t path[EXPLORE_STEPS_MAX + 1u];
    uint32_t actor = came.actor, length = 0;
    explore_state_parts(x, came.from, before);
    explore_state_parts(x, state, after);
    if (actor == x->model.options.corrupted) {
        print_event(x, number, actor, came.event, file);
        return number + 1;
    }
    uint32_t soup = explore_soup_of(x, before), local = before[actor];
    length = explore_quiet_path(x, local, soup, came.event, after[actor], path, EXPLORE_STEPS_MAX);
    path[length] = came.event;
    for (uint32_t i = 0; i <= length; i++) {
        uint32_t next = explore_local_step(&x->model, local, path[i]);
        print_event(x, number + i, actor, path[i], file);
        print_results(x, &x->model.locals[local], &x->model.locals[next], file);
        local = next;
    }
    return number + length + 1;
}

void nika_explore_trace(struct nika_explore *x, FILE *file)
{
    uint32_t path[EXPLORE_STEPS_MAX], length = 0, number = 1;
    for (uint32_t state = x->last; x->came[state].from != EXPLORE_NONE; state = x->came[state].from)
        path[length++] = state;
    for (uint32_t i = 0; i < length; i++)
        number = print_steps(x, number, path[length - 1 - i], file);
}
