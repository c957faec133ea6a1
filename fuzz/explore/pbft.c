/* fuzz/explore/pbft.c: which states and messages of PBFT no coming event can tell apart (model.h, forget.h). */
#include "fuzz/explore/forget.h"
#include "fuzz/explore/model.h"
#include "protocols/pbft/state.h"

static void forget_pbft(struct nika_replica *r)
{
    explore_forget_common(&r->core);
    r->view_generation = 0;
    memset(&r->new_view_rejected, 0, sizeof r->new_view_rejected);
}

/* A vote for what has votes enough already. */
static bool useless_pbft(const struct nika_replica *r, const struct nika_frame *frame)
{
    struct nika_summary m;
    nika_replica_pbft.describe(frame->type, frame->body, &m);
    bool prepare = m.message_class == NIKA_MESSAGE_PREPARE;
    if (!prepare && m.message_class != NIKA_MESSAGE_COMMIT) return false;
    const struct common_slot *base = common_slot_find(&r->core, m.seq);
    const struct pbft_slot *slot = (const struct pbft_slot *)(const void *)base;
    if (slot == NULL || slot->base.view != m.view || slot->base.order == 0 ||
        !nika_digest_equal(&slot->base.digest, &m.digest))
        return false;
    return prepare
               ? slot->prepared && slot->commit_sent
               : slot->base.committed && nika_digest_equal(&slot->base.commit_digest, &m.digest);
}

const struct explore_protocol explore_pbft = {
    .name = "pbft", .forget = forget_pbft, .useless = useless_pbft};
