/* faults/byzantine/replay.c: corrupted replicas keep old frames, their own and received ones, and send them again. */
#include "faults/support.h"

#define SLOTS 16u
#define SLOT_SIZE                                                                                  \
    1024u /* Votes and checkpoints fit; large frames are not worth the memory of a snapshot. */
enum { PARAM_RATE, PARAM_RELABEL, PARAM_COUNT };
#define TYPE_AT 7u /* Of a frame: its type. */
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "rate_ppm",
     .doc = "Probability that a message is followed by an old one.",
     .low = 0,
     .high = FAULT_PPM_MAX,
     .fallback = 200000},
    {.name = "relabel",
     .doc = "1: a PREPARE is sent on as a COMMIT.",
     .low = 0,
     .high = 1,
     .fallback = 0},
};
struct state {
    uint32_t next, count;
    uint32_t sizes[SLOTS];
    uint64_t seen; /* Frames that passed; every third is kept, so that some in the ring are old. */
    uint8_t frames[SLOTS][SLOT_SIZE];
};

static void keep(struct state *s, struct nika_span frame)
{
    if (frame.size == 0 || frame.size > SLOT_SIZE || s->seen++ % 3 != 0) return;
    memcpy(s->frames[s->next], frame.data, frame.size);
    s->sizes[s->next] = frame.size;
    s->next = (s->next + 1) % SLOTS;
    if (s->count < SLOTS) s->count++;
}

static void on_send(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct state *s = fault->state;
    if (s->count > 0 && fault_rolls(fault, out, fault->params[PARAM_RATE])) {
        uint32_t i = (uint32_t)fault_draw(fault, out, s->count);
        if (fault->params[PARAM_RELABEL] != 0 && s->frames[i][TYPE_AT] == PBFT_TYPE_prepare)
            s->frames[i][TYPE_AT] = PBFT_TYPE_commit;
        fault->host->inject_raw(fault->host->world, out->from, out->to,
                                (struct nika_span){s->frames[i], s->sizes[i]});
        nika_fault_acted(fault, out->from);
    }
    keep(s, (struct nika_span){out->bytes, out->size});
}

static bool on_receive(struct nika_fault *fault, uint32_t target, const struct nika_frame *frame)
{
    (void)target;
    keep(fault->state, frame->raw);
    return true;
}

const struct nika_fault_ops nika_fault_replay = {
    .name = "replay",
    .doc = "Corrupted replicas send old frames again.",
    .fault_class = NIKA_FAULT_BYZANTINE,
    .params = params,
    .param_count = PARAM_COUNT,
    .state_size = sizeof(struct state),
    .on_send = on_send,
    .on_receive = on_receive,
};
