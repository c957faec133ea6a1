/* protocols/hybster/hooks.c: what protocols/common asks Hybster to decide (protocols/common/core.h). */
#include "protocols/hybster/view.h"

_Static_assert(sizeof(struct hybster_checkpoint) == sizeof(struct common_checkpoint_body) &&
                   offsetof(struct hybster_checkpoint, certificate) ==
                       offsetof(struct common_checkpoint_body, certificate),
               "CHECKPOINT has the body that protocols/common builds");
_Static_assert(offsetof(struct nika_replica, core) == 0 && offsetof(struct hybster_slot, base) == 0,
               "the common parts come first");

/* A trusted MAC: transferable inside the group, and no counter moves. */
static bool checkpoint_certify(struct common_core *core, struct common_checkpoint_body *body,
                               uint8_t room[NIKA_TRUSTED_CERTIFICATE_SIZE])
{
    struct nika_replica *r = hybster_replica(core);
    const struct nika_host *host = core->host;
    uint8_t content[8 + NIKA_DIGEST_SIZE];
    struct nika_digest digest;
    struct nika_trusted_certificate certificate;
    if (r->halted) return false;
    struct nika_writer w = nika_writer_of(content, sizeof content);
    nika_write_u64(&w, body->seq);
    nika_write_digest(&w, &body->digest);
    hybster_statement(core->config, HYBSTER_TYPE_checkpoint, (struct nika_span){content, w.at},
                      &digest);
    if (host->trusted->certify(host->world, core->self, NIKA_TRUSTED_MAC, 0,
                               (struct nika_trusted_value){0, 0}, &digest,
                               &certificate) != NIKA_OK) {
        hybster_halt(r, NIKA_CHECK_TSG, body->seq);
        return false;
    }
    nika_trusted_certificate_encode(&certificate, room);
    body->certificate = (struct nika_span){room, NIKA_TRUSTED_CERTIFICATE_SIZE};
    return true;
}

static bool checkpoint_authentic(struct common_core *core, const struct nika_frame *frame,
                                 const struct common_checkpoint_body *body, bool nested)
{
    struct nika_trusted_certificate certificate;
    (void)body;
    (void)nested;
    return hybster_message_check(hybster_replica(core), frame, NIKA_TRUSTED_MAC, 0, NULL,
                                 &certificate);
}

static void slot_release(struct common_core *core, struct common_slot *slot)
{
    hybster_slot_release(hybster_replica(core), hybster_slot_of(slot));
}

static void slot_accept(struct common_core *core, struct common_slot *slot, uint32_t frame)
{
    hybster_prepare_accept(hybster_replica(core), hybster_slot_of(slot), frame);
}

static bool slot_ordering(const struct common_slot *base)
{
    const struct hybster_slot *slot = (const struct hybster_slot *)(const void *)base;
    return slot->intent || slot->asked != 0;
}

static const struct nika_digest *slot_parked(const struct common_slot *base)
{
    const struct hybster_slot *slot = (const struct hybster_slot *)(const void *)base;
    if (slot->base.parked != 0 && !slot->base.withheld) return &slot->base.parked_digest;
    return slot->base.carry && !slot->wanted_bad && slot->base.carry_batch == 0
               ? &slot->base.carry_digest
               : NULL;
}

/* The batch of an order that a coming view would carry over (HN8). */
static void take_wanted(struct nika_replica *r, struct hybster_slot *slot, struct nika_span body)
{
    struct common_batch batch;
    bool valid =
        nika_decode(&common_info_batch, body, &batch) == NIKA_OK &&
        common_batch_check(r->core.config, r->core.host, &batch, body.size) == NIKA_CHECK_NONE;
    if (!valid) {
        slot->wanted_bad = true;
        common_reject(&r->core, NIKA_CHECK_HN8, common_primary(&r->core, r->core.view));
        return;
    }
    slot->base.carry_batch = common_bulk_put(&r->core, body);
    if (slot->base.carry_batch == 0) return; /* Fetched again later. */
    hybster_candidate_progress(r);
    hybster_new_view_try_build(r);
}

static void slot_resume(struct common_core *core, struct common_slot *base, struct nika_span body)
{
    struct hybster_slot *slot = hybster_slot_of(base);
    if (slot->base.parked != 0 && !slot->base.withheld)
        hybster_resume_parked(hybster_replica(core), slot, body);
    else
        take_wanted(hybster_replica(core), slot, body);
}

static bool propose(struct common_core *core, uint64_t seq, uint32_t batch, uint64_t time_ns)
{
    return hybster_propose(hybster_replica(core), seq, batch, time_ns);
}

static bool may_propose(const struct common_core *core, uint32_t pillar)
{
    return hybster_may_propose((const struct nika_replica *)(const void *)core, pillar);
}

static void suspect_primary(struct common_core *core)
{
    hybster_view_change_start(hybster_replica(core), core->view + 1);
}

/* A view may be entered now, or the turn of an order has come. */
static void window_moved(struct common_core *core)
{
    struct nika_replica *r = hybster_replica(core);
    hybster_candidate_progress(r);
    hybster_new_view_try_build(r);
    hybster_advance(r);
}

static void retry(struct common_core *core)
{
    hybster_retry(hybster_replica(core));
}

static void send_status(struct common_core *core)
{
    hybster_send_status(hybster_replica(core));
}

static uint32_t slot_wait(const struct common_core *core, const struct common_slot *slot,
                          uint64_t *detail)
{
    return hybster_slot_wait((const struct nika_replica *)(const void *)core,
                             (const struct hybster_slot *)(const void *)slot, detail);
}

static bool halted(const struct common_core *core)
{
    return ((const struct nika_replica *)(const void *)core)->halted;
}

static void start(struct common_core *core)
{
    hybster_start(hybster_replica(core));
}

static void view_timer(struct common_core *core)
{
    hybster_view_timer(hybster_replica(core));
}

/* What an amnesiac replica lacks may have come. */
static void after(struct common_core *core)
{
    if (core->amnesiac) hybster_remember(hybster_replica(core));
}

#define BIT(type) (UINT64_C(1) << (type))
const struct common_hooks hybster_hooks = {
    .start = start,
    .message = hybster_message,
    .view_timer = view_timer,
    .stored = hybster_stored,
    .certified = hybster_certified,
    .token_near = hybster_token_near,
    .after = after,
    .control_types = BIT(HYBSTER_TYPE_prepare) | BIT(HYBSTER_TYPE_commit) |
                     BIT(HYBSTER_TYPE_checkpoint) | BIT(HYBSTER_TYPE_status) |
                     BIT(COMMON_TYPE_fetch_batch),
    .checkpoint = &hybster_info_checkpoint,
    .checkpoint_certify = checkpoint_certify,
    .checkpoint_authentic = checkpoint_authentic,
    .slot_release = slot_release,
    .slot_accept = slot_accept,
    .slot_ordering = slot_ordering,
    .slot_parked = slot_parked,
    .slot_resume = slot_resume,
    .propose = propose,
    .may_propose = may_propose,
    .times_itself = true, /* qh = n - f: a COMMIT of every correct replica may be needed. */
    .suspect_primary = suspect_primary,
    .window_moved = window_moved,
    .retry = retry,
    .send_status = send_status,
    .slot_wait = slot_wait,
    .halted = halted,
};
