/* protocols/pbft/hooks.c: what protocols/common asks PBFT to decide (protocols/common/core.h). */
#include "protocols/pbft/state.h"

_Static_assert(sizeof(struct pbft_checkpoint) <= sizeof(struct common_checkpoint_body) &&
                   offsetof(struct pbft_checkpoint, digest) ==
                       offsetof(struct common_checkpoint_body, digest),
               "CHECKPOINT has the body that protocols/common builds");
_Static_assert(offsetof(struct nika_replica, core) == 0 && offsetof(struct pbft_slot, base) == 0,
               "the common parts come first");

/* Its signature says all that is to be said. */
static bool checkpoint_certify(struct common_core *core, struct common_checkpoint_body *body,
                               uint8_t room[NIKA_TRUSTED_CERTIFICATE_SIZE])
{
    (void)core;
    (void)body;
    (void)room;
    return true;
}

static bool checkpoint_authentic(struct common_core *core, const struct nika_frame *frame,
                                 const struct common_checkpoint_body *body, bool nested)
{
    (void)body;
    return !nested || core->host->verify(core->host->world, core->self, frame);
}

static void slot_release(struct common_core *core, struct common_slot *slot)
{
    pbft_slot_release(pbft_replica(core), pbft_slot_of(slot));
}

static void slot_accept(struct common_core *core, struct common_slot *slot, uint32_t frame)
{
    pbft_order_accept(pbft_replica(core), pbft_slot_of(slot), frame);
}

static const struct nika_digest *slot_parked(const struct common_slot *slot)
{
    return slot->parked != 0 && !slot->withheld ? &slot->parked_digest : NULL;
}

static void slot_resume(struct common_core *core, struct common_slot *slot, struct nika_span body)
{
    pbft_resume_parked(pbft_replica(core), pbft_slot_of(slot), body);
}

static bool propose(struct common_core *core, uint64_t seq, uint32_t batch, uint64_t time_ns)
{
    return pbft_propose(pbft_replica(core), seq, batch, time_ns);
}

static void suspect_primary(struct common_core *core)
{
    pbft_view_change_start(pbft_replica(core), core->view + 1);
}

/* Orders of the entered NEW-VIEW that were beyond the old window. */
static void window_moved(struct common_core *core)
{
    struct nika_replica *r = pbft_replica(core);
    if (r->low_bound > core->low_mark) pbft_new_view_install(r);
}

static void retry(struct common_core *core)
{
    pbft_retry(pbft_replica(core));
}

static void send_status(struct common_core *core)
{
    pbft_send_status(pbft_replica(core));
}

static uint32_t slot_wait(const struct common_core *core, const struct common_slot *slot,
                          uint64_t *detail)
{
    (void)core;
    return pbft_slot_wait((const struct pbft_slot *)(const void *)slot, detail);
}

static void start(struct common_core *core)
{
    pbft_start(pbft_replica(core));
}

static void view_timer(struct common_core *core)
{
    pbft_view_timer(pbft_replica(core));
}

#define BIT(type) (UINT64_C(1) << (type))
const struct common_hooks pbft_hooks = {
    .start = start,
    .message = pbft_message,
    .view_timer = view_timer,
    .stored = pbft_stored,
    .token_near = pbft_token_near,
    .control_types = BIT(PBFT_TYPE_pre_prepare) | BIT(PBFT_TYPE_prepare) | BIT(PBFT_TYPE_commit) |
                     BIT(PBFT_TYPE_checkpoint) | BIT(PBFT_TYPE_status) |
                     BIT(COMMON_TYPE_fetch_batch),
    .checkpoint = &pbft_info_checkpoint,
    .checkpoint_certify = checkpoint_certify,
    .checkpoint_authentic = checkpoint_authentic,
    .slot_release = slot_release,
    .slot_accept = slot_accept,
    .slot_parked = slot_parked,
    .slot_resume = slot_resume,
    .propose = propose,
    .suspect_primary = suspect_primary,
    .window_moved = window_moved,
    .retry = retry,
    .send_status = send_status,
    .slot_wait = slot_wait,
};
