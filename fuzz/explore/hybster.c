/* fuzz/explore/hybster.c: which states and messages of Hybster no coming event can tell apart (model.h, forget.h). */
#include "fuzz/explore/forget.h"
#include "fuzz/explore/model.h"
#include "protocols/hybster/state.h"

static void forget_hybster(struct nika_replica *r)
{
    explore_forget_common(&r->core);
    r->view_generation = 0;
    memset(&r->rejected, 0, sizeof r->rejected);
    for (uint64_t s = r->core.low_mark + 1; s <= r->core.highest_slot; s++) {
        struct hybster_slot *slot = hybster_slot_find(r, s);
        /* Of another round of STATUS than the coming event: it may give way to what that event wants. */
        if (slot != NULL && slot->base.carry) slot->wanted_stamp = 1;
    }
}

/* A COMMIT of an order that is final here already adds a vote to enough. */
static bool useless_hybster(const struct nika_replica *r, const struct nika_frame *frame)
{
    struct hybster_order m;
    if (frame->type != HYBSTER_TYPE_commit || !hybster_order_decode(frame->body, &m)) return false;
    const struct hybster_slot *slot = hybster_slot_find(r, m.seq);
    return slot != NULL && slot->base.committed && slot->base.view == m.view &&
           slot->base.order != 0 && nika_digest_equal(&slot->base.digest, &m.digest) &&
           nika_digest_equal(&slot->base.commit_digest, &m.digest);
}

const struct explore_protocol explore_hybster = {
    .name = "hybster", .forget = forget_hybster, .useless = useless_hybster};
