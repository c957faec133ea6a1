/* engine/core/effects.c: appending to the list of actions of one step.
 *
 * The world owns both arrays. Overflow is sticky and drops the action, so that a module which asks
 * for too much is found by its world instead of writing past the end. */
#include "engine/core/effects.h"

struct nika_action *nika_effects_add(struct nika_effects *e, enum nika_action_kind kind,
                                     uint32_t size, uint8_t **bytes)
{
    if (bytes != NULL) *bytes = NULL;
    if (e->overflow || e->count >= e->capacity || size > e->bytes_capacity - e->bytes_used) {
        e->overflow = true;
        return NULL;
    }
    struct nika_action *action = &e->actions[e->count];
    *action = (struct nika_action){
        .kind = (uint8_t)kind, .to = NIKA_NODE_NONE, .offset = e->bytes_used, .size = size};
    if (bytes != NULL) *bytes = e->bytes + e->bytes_used;
    e->count++;
    e->bytes_used += size;
    return action;
}

void nika_effects_clear(struct nika_effects *e)
{
    e->count = 0;
    e->bytes_used = 0;
    e->overflow = false;
}

static struct nika_action *add_copy(struct nika_effects *e, enum nika_action_kind kind,
                                    struct nika_span span)
{
    uint8_t *bytes = NULL;
    struct nika_action *action = nika_effects_add(e, kind, span.size, &bytes);
    if (action != NULL && span.size > 0) memcpy(bytes, span.data, span.size);
    return action;
}

void nika_effects_timer(struct nika_effects *e, uint32_t timer, uint64_t generation,
                        uint64_t delay_ns)
{
    struct nika_action *action = nika_effects_add(e, NIKA_ACTION_TIMER, 0, NULL);
    if (action == NULL) return;
    action->id = timer;
    action->token = generation;
    action->a = delay_ns;
}

void nika_effects_note(struct nika_effects *e, enum nika_note note, uint64_t a, uint64_t b,
                       struct nika_span bytes)
{
    struct nika_action *action = add_copy(e, NIKA_ACTION_NOTE, bytes);
    if (action == NULL) return;
    action->id = (uint32_t)note;
    action->a = a;
    action->b = b;
}

void nika_effects_certify(struct nika_effects *e, uint64_t token, uint32_t counter, uint64_t view,
                          uint64_t order, const struct nika_digest *digest)
{
    uint8_t *bytes = NULL;
    struct nika_action *action = nika_effects_add(e, NIKA_ACTION_CERTIFY, NIKA_DIGEST_SIZE, &bytes);
    if (action == NULL) return;
    action->token = token;
    action->id = counter;
    action->a = view;
    action->b = order;
    memcpy(bytes, digest->bytes, NIKA_DIGEST_SIZE);
}

void nika_effects_persist(struct nika_effects *e, uint64_t token, uint32_t kind, uint64_t seq,
                          struct nika_span record)
{
    struct nika_action *action = add_copy(e, NIKA_ACTION_PERSIST, record);
    if (action == NULL) return;
    action->id = kind;
    action->token = token;
    action->a = seq;
}

void nika_effects_send(struct nika_effects *e, uint32_t to, enum nika_send_class cls,
                       struct nika_span frame)
{
    struct nika_action *action = add_copy(e, NIKA_ACTION_SEND, frame);
    if (action == NULL) return;
    action->to = to;
    action->send_class = (uint8_t)cls;
}

void nika_effects_broadcast(struct nika_effects *e, enum nika_send_class cls,
                            struct nika_span frame)
{
    struct nika_action *action = add_copy(e, NIKA_ACTION_BROADCAST, frame);
    if (action != NULL) action->send_class = (uint8_t)cls;
}

const char *nika_wait_text(uint32_t wait)
{
    static const char *const texts[] = {
        [NIKA_WAIT_NOTHING] = "nothing",
        [NIKA_WAIT_PRE_PREPARE] = "a PRE-PREPARE",
        [NIKA_WAIT_BATCH] = "a batch",
        [NIKA_WAIT_PREPARES] = "PREPAREs",
        [NIKA_WAIT_COMMITS] = "COMMITs",
        [NIKA_WAIT_DISK] = "its disk",
        [NIKA_WAIT_APP] = "its application",
        [NIKA_WAIT_VIEW_CHANGES] = "VIEW-CHANGEs",
        [NIKA_WAIT_NEW_VIEW] = "the NEW-VIEW",
        [NIKA_WAIT_STATE] = "a state transfer",
        [NIKA_WAIT_TRUSTED] = "its trusted subsystem",
    };
    return wait < ARRAY_COUNT(texts) && texts[wait] != NULL ? texts[wait] : "something unknown";
}
