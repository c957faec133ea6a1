/* protocols/hybster/digest.c: canonical hash of a replica's state (protocols/common/digest.h). */
#include "protocols/common/digest.h"

#include "protocols/hybster/describe.h"
#include "protocols/hybster/state.h"

static void add_votes(struct nika_run_digest *d, const struct nika_replica *r,
                      const struct hybster_slot *slot)
{
    for (uint32_t i = 0; i < r->core.n; i++) {
        const struct hybster_vote *vote = hybster_vote_at(r, slot, i);
        if (!vote->present) continue;
        common_digest_u64(d, i);
        common_digest_digest(d, &vote->digest);
    }
}

static void add_slot(struct nika_run_digest *d, const struct nika_replica *r, uint32_t index)
{
    const struct hybster_slot *s = &r->slots[index];
    const bool flags[] = {s->intent,          s->intent_durable,      s->base.batch_ok,
                          s->base.withheld,   s->base.untimely,       s->base.from_new_view,
                          s->prepare_durable, s->base.persist_failed, s->base.committed,
                          s->base.executed,   s->base.carry,          s->wanted_bad};
    const uint64_t numbers[] = {s->base.seq,       s->base.view,
                                s->base.nondet_ns, s->base.commit_view,
                                s->wanted_stamp,   common_digest_bits(flags, ARRAY_COUNT(flags))};
    common_digest_u64s(d, numbers, ARRAY_COUNT(numbers));
    common_digest_digest(d, &s->base.digest);
    common_digest_digest(d, &s->base.parked_digest);
    common_digest_digest(d, &s->base.carry_digest);
    common_digest_digest(d, &s->base.commit_digest);
    const uint32_t handles[] = {s->base.order,       s->base.parked, s->base.batch,       s->commit,
                                s->base.carry_batch, s->commit_cert, s->base.commit_batch};
    common_digest_handles(d, &r->core, handles, ARRAY_COUNT(handles));
    if (s->asked != 0) common_digest_handles(d, &r->core, &s->asked, 1);
    add_votes(d, r, s);
}

static void add_view_change(struct nika_run_digest *d, const struct nika_replica *r)
{
    const uint64_t numbers[] = {
        r->entered,        r->low_bound,       r->view_generation,  r->halted,  r->deaf,
        r->candidate_view, r->candidate_draft, r->candidate_saving, r->alarmed, r->void_count};
    const uint32_t handles[] = {r->new_view, r->candidate};
    common_digest_u64s(d, numbers, ARRAY_COUNT(numbers));
    common_digest_handles(d, &r->core, handles, ARRAY_COUNT(handles));
    common_digest_digest(d, &r->rejected);
    for (uint32_t i = 0; i < r->core.n; i++) {
        common_digest_u64(d, r->acks[i].base);
        common_digest_handle(d, &r->core, r->acks[i].frame);
    }
}

static void add_hop(struct nika_run_digest *d, const struct hybster_hop_entry *hop)
{
    common_digest_digest(d, &hop->digest);
    nika_run_digest_add(d, hop->certificate, sizeof hop->certificate);
}

static void add_pillars(struct nika_run_digest *d, const struct nika_replica *r)
{
    /* Where the host never answers later there are none. */
    for (uint32_t p = 0; r->core.host->trusted_later && p < r->core.pillars; p++) {
        const uint64_t awaited = r->pillars[p].awaited;
        common_digest_u64s(d, &awaited, 1);
    }
    for (uint32_t p = 0; p < r->core.pillars; p++) {
        const struct hybster_pillar *pillar = &r->pillars[p];
        const uint64_t numbers[] = {pillar->counter.view, pillar->counter.order, pillar->voted,
                                    pillar->certifying, pillar->hop_count};
        common_digest_u64s(d, numbers, ARRAY_COUNT(numbers));
        for (uint32_t i = 0; i < pillar->hop_count; i++) add_hop(d, &pillar->hops[i]);
    }
    for (uint32_t i = 0; i < r->void_count; i++) add_hop(d, &r->voids[i]);
}

void hybster_digest(const struct nika_replica *r, struct nika_digest *out)
{
    struct nika_run_digest d;
    nika_run_digest_init(&d);
    common_digest_core(&d, &r->core);
    add_view_change(&d, r);
    add_pillars(&d, r);
    for (uint32_t i = 0; i < r->core.config->window; i++) {
        if (r->slots[i].base.seq != 0) add_slot(&d, r, i);
    }
    memset(out, 0, sizeof *out);
    nika_run_digest_value(&d, out->bytes);
}
