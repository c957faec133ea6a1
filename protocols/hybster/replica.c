/* protocols/hybster/replica.c: one Hybster replica as a module: its own part of memory, and which file an event of its own goes to
 * (PROTOCOLS.md 2, 4; the rest is protocols/common/dispatch.h). Completions of a view that was left are dropped here, so no handler has to
 * think of them. */
#include "protocols/common/dispatch.h"
#include "protocols/common/transfer.h"
#include "protocols/hybster/describe.h"
#include "protocols/hybster/state.h"

/* Where each part of a replica's memory begins. */
struct layout {
    size_t pillars, votes, acks;
    struct common_layout common;
};

static void hybster_layout(const struct nika_config *c, struct layout *l)
{
    size_t at = 0;
    (void)common_take(&at, sizeof(struct nika_replica));
    l->pillars = common_take(&at, c->pillars * sizeof(struct hybster_pillar));
    l->votes = common_take(&at, (size_t)c->window * c->n * sizeof(struct hybster_vote));
    l->acks = common_take(&at, c->n * sizeof(struct hybster_ack_entry));
    common_layout(c, at, sizeof(struct hybster_slot), &l->common);
}

static const char *replica_check(const struct nika_config *config)
{
    return config->n >= 2 * config->f + 1 ? NULL : "Hybster needs n >= 2f+1 replicas";
}

static size_t replica_size(const struct nika_config *config)
{
    struct layout l;
    hybster_layout(config, &l);
    return l.common.total;
}

static struct nika_replica *replica_init(void *memory, const struct nika_config *config,
                                         const struct nika_host *host)
{
    struct nika_replica *r = memory;
    uint8_t *base = memory;
    struct layout l;
    hybster_layout(config, &l);
    /* VIEW-CHANGEs and NEW-VIEWs, entered, awaited and being built, rounded up as the store does. */
    uint64_t reserve = 8u * (uint64_t)hybster_new_view_size_max(config);
    common_init(&r->core, &hybster_hooks, config, host, memory, &l.common,
                sizeof(struct hybster_slot), reserve);
    r->core.quorum = hybster_majority(config->n);
    r->core.stable_need = r->core.weak;
    r->pillars = (struct hybster_pillar *)(void *)(base + l.pillars);
    r->slots = (struct hybster_slot *)(void *)r->core.slots;
    r->votes = (struct hybster_vote *)(void *)(base + l.votes);
    r->acks = (struct hybster_ack_entry *)(void *)(base + l.acks);
    return r;
}

static bool certified(uint8_t type)
{
    return type == HYBSTER_TYPE_prepare || type == HYBSTER_TYPE_commit ||
           type == HYBSTER_TYPE_commit_cert || type == HYBSTER_TYPE_checkpoint ||
           type == HYBSTER_TYPE_view_change || type == HYBSTER_TYPE_new_view ||
           type == HYBSTER_TYPE_new_view_ack;
}

bool hybster_message(struct common_core *core, const struct nika_frame *frame)
{
    struct nika_replica *r = hybster_replica(core);
    if (r->deaf && certified(frame->type)) return true;
    switch (frame->type) {
    case HYBSTER_TYPE_prepare:
        hybster_on_prepare(r, frame);
        return true;
    case HYBSTER_TYPE_commit:
        hybster_on_commit(r, frame);
        return true;
    case HYBSTER_TYPE_commit_cert:
        hybster_on_commit_cert(r, frame);
        return true;
    case HYBSTER_TYPE_checkpoint:
        common_on_checkpoint(&r->core, frame);
        return true;
    case HYBSTER_TYPE_view_change:
        hybster_on_view_change(r, frame);
        return true;
    case HYBSTER_TYPE_new_view:
        hybster_on_new_view(r, frame);
        return true;
    case HYBSTER_TYPE_new_view_ack:
        hybster_on_ack(r, frame);
        return true;
    case HYBSTER_TYPE_status:
        hybster_on_status(r, frame);
        return true;
    default:
        return false;
    }
}

static void persist_refused(struct nika_replica *r, uint32_t kind, uint64_t seq)
{
    if (kind != HYBSTER_TOKEN_INTENT && kind != HYBSTER_TOKEN_PREPARE) return;
    struct hybster_slot *slot = hybster_slot_find(r, seq);
    if (slot != NULL) slot->base.persist_failed = true;
}

uint64_t hybster_token_near(const struct common_core *core, uint32_t kind)
{
    const struct nika_replica *r = (const struct nika_replica *)(const void *)core;
    if (kind == HYBSTER_TOKEN_VIEW_CHANGE) return core->view;
    return kind == HYBSTER_TOKEN_NEW_VIEW || kind == HYBSTER_TOKEN_DRAFT ? r->candidate_view
                                                                         : core->low_mark;
}

void hybster_stored(struct common_core *core, uint32_t kind, uint16_t generation, uint64_t seq,
                    int32_t status)
{
    struct nika_replica *r = hybster_replica(core);
    if (kind == HYBSTER_TOKEN_PREPARE && generation != r->view_generation) {
        if (seq != 0 && hybster_pillar_of(r, seq)->certifying == seq)
            hybster_certified_stored(r, seq, status != 0);
    } else if (status != 0) {
        if (generation == r->view_generation) persist_refused(r, kind, seq);
    } else if (generation != r->view_generation) {
        return; /* A vote of a view that was left (INV-VCM). */
    } else if (kind == HYBSTER_TOKEN_INTENT) {
        hybster_intent_stored(r, seq);
    } else if (kind == HYBSTER_TOKEN_PREPARE) {
        hybster_prepare_stored(r, seq);
    } else if (kind == HYBSTER_TOKEN_VIEW_CHANGE) {
        hybster_view_change_stored(r, seq);
    } else if (kind == HYBSTER_TOKEN_NEW_VIEW) {
        hybster_new_view_stored(r, seq);
    } else if (kind == HYBSTER_TOKEN_DRAFT) {
        hybster_draft_stored(r, seq);
    }
}

const struct nika_replica_ops nika_replica_hybster = {
    .name = "hybster",
    .doc = "Hybster (Behl, Distler, Kapitza): 2f+1 replicas, each with a trusted subsystem",
    .messages = &hybster_messages,
    .hybrid = true,
    .check = replica_check,
    .size = replica_size,
    .used = common_used,
    .init = replica_init,
    .recover = hybster_recover,
    .step = common_step,
    .status = common_status,
    .digest = hybster_digest,
    .describe = hybster_describe,
    .describe_record = hybster_describe_record,
    .certified = hybster_certificates,
    .timer_name = common_timer_name,
    .needs = hybster_needs,
    .lane = hybster_lane,
};
