/* protocols/pbft/replica.c: one PBFT replica as a module: its own part of memory, and which file an event of its own goes to (PROTOCOLS.md 1,
 * 4; the rest is protocols/common/dispatch.h). Completions of a view that was left are dropped here, so no handler has to think of them. */
#include "protocols/common/dispatch.h"
#include "protocols/common/transfer.h"
#include "protocols/pbft/describe.h"
#include "protocols/pbft/state.h"

/* Where each part of a replica's memory begins. */
struct layout {
    size_t vote_rows, vote_auths;
    uint32_t row_size, auth_size;
    struct common_layout common;
};

static void pbft_layout(const struct nika_config *c, struct layout *l)
{
    size_t at = 0;
    uint32_t votes = PBFT_PHASES * c->n;
    l->row_size = votes * (uint32_t)sizeof(struct pbft_vote);
    l->auth_size = nika_suite_signature_size(c->suite);
    if (l->auth_size < sizeof(uint32_t))
        l->auth_size = sizeof(uint32_t); /* Free ones are a list. */
    (void)common_take(&at, sizeof(struct nika_replica));
    l->vote_rows = common_take(&at, (size_t)c->window * l->row_size);
    l->vote_auths = common_take(&at, (size_t)c->window * votes * l->auth_size);
    common_layout(c, at, sizeof(struct pbft_slot), &l->common);
}

static const char *replica_check(const struct nika_config *config)
{
    if (config->pillars != 1) return "PBFT has one pillar: pillars must be 1";
    return config->n >= 3 * config->f + 1 ? NULL : "PBFT needs n >= 3f+1 replicas";
}

static size_t replica_size(const struct nika_config *config)
{
    struct layout l;
    pbft_layout(config, &l);
    return l.common.total;
}

static struct nika_replica *replica_init(void *memory, const struct nika_config *config,
                                         const struct nika_host *host)
{
    struct nika_replica *r = memory;
    uint8_t *base = memory;
    struct layout l;
    pbft_layout(config, &l);
    /* VIEW-CHANGEs and NEW-VIEWs, entered, awaited and being built, rounded up as the store does. */
    uint64_t reserve = 8u * (uint64_t)pbft_new_view_size_max(config);
    common_init(&r->core, &pbft_hooks, config, host, memory, &l.common, sizeof(struct pbft_slot),
                reserve);
    r->core.quorum = NIKA_PLANTED(B03) ? 2 * config->f + 1 : common_quorum(config->n, config->f);
    r->core.stable_need = NIKA_PLANTED(B32) ? r->core.weak : r->core.quorum;
    r->slots = (struct pbft_slot *)(void *)r->core.slots;
    r->vote_rows = (struct pbft_pool){
        .entries = base + l.vote_rows, .size = l.row_size, .count = config->window};
    r->vote_auths = (struct pbft_pool){.entries = base + l.vote_auths,
                                       .size = l.auth_size,
                                       .count = config->window * PBFT_PHASES * config->n};
    return r;
}

bool pbft_message(struct common_core *core, const struct nika_frame *frame)
{
    struct nika_replica *r = pbft_replica(core);
    switch (frame->type) {
    case PBFT_TYPE_pre_prepare:
        pbft_on_pre_prepare(r, frame);
        return true;
    case PBFT_TYPE_prepare:
        pbft_on_prepare(r, frame);
        return true;
    case PBFT_TYPE_commit:
        pbft_on_commit(r, frame);
        return true;
    case PBFT_TYPE_commit_cert:
        pbft_on_commit_cert(r, frame);
        return true;
    case PBFT_TYPE_checkpoint:
        common_on_checkpoint(&r->core, frame);
        return true;
    case PBFT_TYPE_view_change:
        pbft_on_view_change(r, frame);
        return true;
    case PBFT_TYPE_new_view:
        pbft_on_new_view(r, frame);
        return true;
    case PBFT_TYPE_status:
        pbft_on_status(r, frame);
        return true;
    default:
        return false;
    }
}

static void persist_refused(struct nika_replica *r, uint32_t kind, uint64_t seq)
{
    if (kind != PBFT_TOKEN_PROPOSAL && kind != PBFT_TOKEN_PREPARED) return;
    struct pbft_slot *slot = pbft_slot_find(r, seq);
    if (slot != NULL) slot->base.persist_failed = true;
}

uint64_t pbft_token_near(const struct common_core *core, uint32_t kind)
{
    bool of_view = kind == PBFT_TOKEN_VIEW_CHANGE || kind == PBFT_TOKEN_NEW_VIEW;
    return of_view ? core->view : core->low_mark;
}

void pbft_stored(struct common_core *core, uint32_t kind, uint16_t generation, uint64_t seq,
                 int32_t status)
{
    struct nika_replica *r = pbft_replica(core);
    if (status != 0) {
        if (generation == r->view_generation) persist_refused(r, kind, seq);
    } else if (!NIKA_PLANTED(I05) && generation != r->view_generation) {
        return; /* A vote of a view that was left (INV-VCM). */
    } else if (kind == PBFT_TOKEN_PROPOSAL) {
        pbft_proposal_stored(r, seq);
    } else if (kind == PBFT_TOKEN_PREPARED) {
        pbft_prepared_stored(r, seq);
    } else if (kind == PBFT_TOKEN_VIEW_CHANGE) {
        pbft_view_change_stored(r, seq);
    } else if (kind == PBFT_TOKEN_NEW_VIEW) {
        pbft_new_view_stored(r, seq);
    }
}

const struct nika_replica_ops nika_replica_pbft = {
    .name = "pbft",
    .doc = "Practical Byzantine Fault Tolerance (Castro & Liskov), signature variant",
    .messages = &pbft_messages,
    .check = replica_check,
    .size = replica_size,
    .used = common_used,
    .init = replica_init,
    .recover = pbft_recover,
    .step = common_step,
    .status = common_status,
    .digest = pbft_digest,
    .describe = pbft_describe,
    .describe_record = pbft_describe_record,
    .needs = pbft_needs,
    .timer_name = common_timer_name,
};
