/* faults/byzantine/byzzfuzz.c: in single rounds, corrupted replicas send some receivers one small mutation of what they say
 * (Winter et al., OOPSLA '23; ATTACKS.md 11.4).
 *
 * The mutation of a round is drawn once and is the same for all of its receivers. Fields come from the message tables. */
#include "faults/rounds.h"

enum { PARAM_ROUNDS, PARAM_HORIZON, PARAM_SCOPE, PARAM_COUNT };
enum { SCOPE_SMALL, SCOPE_ANY, SCOPE_COUNT };
static const char *const scope_names[] = {"small", "any", NULL};
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "rounds",
     .doc = "Rounds in which corrupted replicas lie (ByzzFuzz's c).",
     .low = 1,
     .high = FAULT_ROUNDS_MAX,
     .fallback = 2},
    {.name = "horizon",
     .doc = "Rounds of each sender from which they are drawn.",
     .low = 1,
     .high = 1000,
     .fallback = 8},
    {.name = "scope",
     .doc = "small: one step up or down; any: any value.",
     .low = 0,
     .high = SCOPE_COUNT - 1,
     .fallback = SCOPE_SMALL,
     .names = scope_names},
};
#define HOW_COUNT 256u
struct state {
    struct fault_rounds rounds;
    struct lie {
        uint32_t round;
        uint64_t receivers, how; /* how: which field, and which step. */
    } lie[FAULT_ROUNDS_MAX];
};

/* Big enough for every message struct; checked against the table before use. */
union value {
    struct pbft_view_change view_change;
    struct pbft_new_view new_view;
    struct pbft_status status;
    struct common_reply reply;
    uint64_t words[64];
};

static void start(struct nika_fault *fault)
{
    struct state *s = fault->state;
    for (uint32_t i = 0; i < fault->params[PARAM_ROUNDS]; i++) {
        s->lie[i].round = fault_round_draw(fault, i, fault->params[PARAM_HORIZON]);
        s->lie[i].receivers = fault_round_side(fault, i);
        s->lie[i].how = nika_fault_choice(fault, i, 2, 0, 0, HOW_COUNT);
    }
}

static uint64_t stepped(uint64_t value, uint64_t how, bool any)
{
    if (any) return value ^ (how * UINT64_C(0x9e3779b97f4a7c15) >> (how % 60));
    return (how & 1) != 0 ? value + 1 : value - 1;
}

static bool mutate_field(const struct nika_field *field, void *value, uint64_t how, bool any,
                         struct nika_writer *w)
{
    uint8_t *at = (uint8_t *)value + field->offset;
    struct nika_list *list = (struct nika_list *)(void *)at;
    struct nika_digest other;
    uint64_t number;
    switch ((int)field->kind) { /* Numbers, digests and lists; the rest stays as it is. */
    case NIKA_FIELD_VIEW:
    case NIKA_FIELD_SEQ:
    case NIKA_FIELD_U64:
    case NIKA_FIELD_TIME:
        memcpy(&number, at, sizeof number);
        number = stepped(number, how, any);
        memcpy(at, &number, sizeof number);
        return true;
    case NIKA_FIELD_DIGEST:
        fault_other_digest((const struct nika_digest *)(const void *)at, &other);
        memcpy(at, &other, sizeof other);
        return true;
    case NIKA_FIELD_FRAMES:
        if (list->count == 0) return false;
        *list = fault_frames_edit(list, (uint32_t)(how % list->count), UINT32_MAX, w);
        return !w->failed;
    case NIKA_FIELD_LIST:
        if (list->count == 0) return false;
        *list = (struct nika_list){0, {w->data + w->at, 0}};
        return true;
    default:
        return false;
    }
}

static bool mutate(struct nika_fault *fault, struct nika_outgoing *out, uint64_t how)
{
    const struct nika_message_table *table = fault->host->messages;
    union value value;
    uint8_t scratch[FAULT_SCRATCH_SIZE];
    struct nika_writer w = nika_writer_of(scratch, sizeof scratch);
    if (out->type >= table->count || table->messages[out->type] == NULL) return false;
    const struct nika_message_info *info = table->messages[out->type];
    memset(&value, 0, sizeof value);
    if (info->struct_size > sizeof value || info->field_count == 0) return false;
    if (!fault_decode(fault, out, info, &value)) return false;
    bool any = fault->params[PARAM_SCOPE] == SCOPE_ANY;
    for (uint32_t i = 0; i < info->field_count; i++) {
        const struct nika_field *field = &info->fields[(how / 2 + i) % info->field_count];
        if (mutate_field(field, &value, how, any, &w))
            return fault_rewrite(fault, out, info, &value);
    }
    return false;
}

static void on_send(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct state *s = fault->state;
    uint32_t round = fault_round(&s->rounds, out);
    if (round == 0) return;
    /* Clients are receivers, too: they are told what replica 0 is told. */
    uint32_t to = nika_is_client(out->to) ? 0 : out->to % 64;
    for (uint32_t i = 0; i < fault->params[PARAM_ROUNDS]; i++) {
        const struct lie *lie = &s->lie[i];
        if (lie->round != round || (lie->receivers >> to & 1) == 0) continue;
        if (mutate(fault, out, lie->how)) nika_fault_acted(fault, out->from);
        return;
    }
}

const struct nika_fault_ops nika_fault_byzzfuzz = {
    .name = "byzzfuzz",
    .doc = "In single rounds, corrupted replicas send some receivers one small mutation.",
    .fault_class = NIKA_FAULT_BYZANTINE,
    .params = params,
    .param_count = PARAM_COUNT,
    .state_size = sizeof(struct state),
    .start = start,
    .on_send = on_send,
};
