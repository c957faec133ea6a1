/* protocols/pbft/digest.c: canonical hash of a replica's state (protocols/common/digest.h). */
#include "protocols/common/digest.h"

#include "protocols/common/order.h"
#include "protocols/pbft/describe.h"
#include "protocols/pbft/state.h"

static void add_votes(struct nika_run_digest *d, const struct nika_replica *r,
                      const struct pbft_slot *slot)
{
    const struct pbft_vote *votes = pbft_votes_of(r, slot);
    for (uint32_t i = 0; votes != NULL && i < PBFT_PHASES * r->core.n; i++) {
        if (!votes[i].present) continue;
        common_digest_u64(d, i);
        common_digest_digest(d, &votes[i].digest);
    }
}

static void add_slot(struct nika_run_digest *d, const struct nika_replica *r, uint32_t index)
{
    const struct pbft_slot *s = &r->slots[index];
    const bool flags[] = {s->base.batch_ok,    s->base.withheld,    s->base.from_new_view,
                          s->proposal_durable, s->prepare_sent,     s->commit_sent,
                          s->prepared,         s->prepared_durable, s->base.committed,
                          s->base.executed,    s->base.carry,       s->base.persist_failed,
                          s->base.untimely};
    const uint64_t numbers[] = {s->base.seq,         s->base.view,
                                s->base.nondet_ns,   s->best_view,
                                s->base.commit_view, common_digest_bits(flags, ARRAY_COUNT(flags))};
    common_digest_u64s(d, numbers, ARRAY_COUNT(numbers));
    common_digest_digest(d, &s->base.digest);
    common_digest_digest(d, &s->base.parked_digest);
    common_digest_digest(d, &s->base.carry_digest);
    common_digest_digest(d, &s->base.commit_digest);
    if (s->base.order == 0)
        common_digest_handle(d, &r->core, 0);
    else
        common_digest_span(d, common_order_frame(&r->core, &s->base));
    const uint32_t handles[] = {s->base.parked,      s->base.batch,  s->best_certificate,
                                s->base.carry_batch, s->commit_cert, s->base.commit_batch};
    common_digest_handles(d, &r->core, handles, ARRAY_COUNT(handles));
    add_votes(d, r, s);
}

static void add_view_change(struct nika_run_digest *d, const struct nika_replica *r)
{
    const uint64_t numbers[] = {r->low_bound, r->view_generation, r->new_view_view,
                                r->new_view_candidate_view};
    const uint32_t handles[] = {r->new_view, r->new_view_candidate};
    common_digest_u64s(d, numbers, ARRAY_COUNT(numbers));
    common_digest_handles(d, &r->core, handles, ARRAY_COUNT(handles));
    common_digest_digest(d, &r->new_view_rejected);
}

void pbft_digest(const struct nika_replica *r, struct nika_digest *out)
{
    struct nika_run_digest d;
    nika_run_digest_init(&d);
    common_digest_core(&d, &r->core);
    add_view_change(&d, r);
    for (uint32_t i = 0; i < r->core.config->window; i++) {
        if (r->slots[i].base.seq != 0) add_slot(&d, r, i);
    }
    memset(out, 0, sizeof *out);
    nika_run_digest_value(&d, out->bytes);
}
