/* protocols/hybster/view_change_check.c: may a VIEW-CHANGE or NEW-VIEW-ACK be believed (PROTOCOLS.md 2.4, HV1-HV8, HN5)?
 *
 * A continuing certificate says from which value its counter came. The hops lead from the last order that the sender took part in to
 * this VIEW-CHANGE without a gap, so no participation can be hidden: neither in the view that it claims to have entered last (HV7) nor
 * in a later one (HV4, HV5). That holds for each pillar's counter; a VIEW-CHANGE is good when all of them are. Pure functions of bytes,
 * keys and configuration. */
#include "protocols/hybster/view.h"

#define CHECKPOINT_BODY_SIZE (8u + NIKA_DIGEST_SIZE + HYBSTER_CERTIFICATE_FIELD)
#define HOP_SIZE (NIKA_DIGEST_SIZE + HYBSTER_CERTIFICATE_FIELD)

/* Nothing bigger than one message or than the whole store can be kept anyway. */
static uint32_t size_cap(const struct nika_config *config, uint64_t size)
{
    if (size > NIKA_MESSAGE_SIZE_MAX) size = NIKA_MESSAGE_SIZE_MAX;
    return size > config->store_bytes ? config->store_bytes : (uint32_t)size;
}

uint32_t hybster_view_change_size_max(const struct nika_config *config)
{
    uint64_t checkpoints = config->n * (4u + (uint64_t)nika_frame_size(CHECKPOINT_BODY_SIZE, 0));
    uint64_t prepares = config->window * (4u + (uint64_t)HYBSTER_ORDER_FRAME_SIZE);
    uint64_t hops = ((uint64_t)config->pillars * HYBSTER_HOPS_MAX + HYBSTER_VOIDS_MAX) * HOP_SIZE;
    uint64_t body = 3u * 8u + 3u * 4u + checkpoints + prepares + hops +
                    HYBSTER_CERTIFICATES_FIELD(config->pillars);
    return size_cap(config, nika_frame_size(0, 0) + body);
}

uint32_t hybster_new_view_size_max(const struct nika_config *config)
{
    uint64_t proofs = 2u * config->n * (4u + (uint64_t)hybster_view_change_size_max(config));
    uint64_t prepares = config->window * (4u + (uint64_t)HYBSTER_ORDER_FRAME_SIZE);
    return size_cap(config, nika_frame_size(0, 0) + 2u * 8u + 3u * 4u + proofs + prepares +
                                HYBSTER_CERTIFICATE_FIELD);
}

/* HV3: h is proven stable by >= W CHECKPOINTs, or is the beginning of history. */
static bool low_mark_proven(struct nika_replica *r, uint64_t low_mark,
                            const struct nika_list *checkpoints)
{
    if (low_mark % r->core.config->checkpoint_interval != 0) return false;
    if (low_mark == 0) return checkpoints->count == 0;
    uint64_t seq = 0, signers[2];
    struct nika_digest digest;
    return common_checkpoint_cert_verify(&r->core, checkpoints, r->core.weak, &seq, &digest,
                                         signers) &&
           seq == low_mark;
}

/* HV6: certified PREPAREs of `view` by its leader in ascending order; in each pillar one for each order from low_mark + 1. */
static bool history_valid(struct nika_replica *r, const struct nika_list *prepares,
                          uint64_t low_mark, uint64_t view)
{
    struct nika_frame frame;
    struct hybster_prepare unused;
    struct hybster_order order;
    struct nika_span raw;
    uint64_t next[NIKA_PILLARS_MAX], last = low_mark;
    uint32_t at = 0;
    for (uint32_t p = 0; p < r->core.pillars; p++)
        next[p] = common_pillar_next(&r->core, p, low_mark);
    while (nika_frames_next(prepares, &at, &raw)) {
        if (!common_nested_open(&r->core, raw, &hybster_info_prepare, &frame, &unused) ||
            !hybster_order_decode(frame.body, &order))
            return false;
        uint64_t *due = &next[common_pillar_of(&r->core, order.seq)];
        if (NIKA_PLANTED(T08) && order.seq > *due) *due = order.seq;
        if (order.view != view || order.seq != *due || order.seq <= last) return false;
        if (order.seq - low_mark > r->core.config->window && !NIKA_PLANTED(T08)) return false;
        if (frame.sender != common_primary(&r->core, view)) return false;
        if (!hybster_order_certified(r, &frame, &order)) return false;
        *due += r->core.pillars;
        last = order.seq;
    }
    return true;
}

/* The views of a VIEW-CHANGE's sender that can never begin. */
struct voids {
    uint64_t view[HYBSTER_VOIDS_MAX];
    uint32_t count;
};

/* HV4: does a counter that was taken to `end` go on at `start` with nothing hidden between? What was certified in a view that can never
 * begin is nothing. */
static bool nothing_between(const struct voids *voids, struct nika_trusted_value end,
                            struct nika_trusted_value start)
{
    if (nika_trusted_compare(end, start) == 0) return true;
    for (uint32_t i = 0; i < voids->count; i++)
        if (voids->view[i] == end.view && voids->view[i] == start.view) return true;
    return false;
}

/* HV4: from each certificate of the VIEW-CHANGE back to where its counter was before the first hop. */
static bool hops_join(struct nika_replica *r, uint32_t sender, const struct hybster_view_change *m,
                      const struct nika_trusted_certificate *last, struct nika_trusted_value *start)
{
    struct hybster_hop hop;
    struct nika_trusted_certificate c;
    struct nika_trusted_value at_value[NIKA_PILLARS_MAX] = {{0, 0}};
    struct voids voids = {.count = 0};
    uint32_t at = 0, seen = 0;
    for (uint32_t p = 0; p < r->core.pillars; p++) at_value[p] = start[p] = last[p].previous;
    while (nika_list_next(&m->hops, &hybster_info_hop, &at, &hop)) {
        if (nika_trusted_certificate_decode(hop.certificate, &c) != NIKA_OK) return false;
        if (c.counter == HYBSTER_COUNTER_NEW_VIEW) {
            if (voids.count == HYBSTER_VOIDS_MAX ||
                !hybster_void_check(r, sender, &hop, &voids.view[voids.count++]))
                return false;
            continue;
        }
        uint32_t p = c.counter / HYBSTER_COUNTERS_OF_PILLAR;
        if (p >= r->core.pillars ||
            !hybster_certificate_check(r, hop.certificate, sender, NIKA_TRUSTED_CONTINUING,
                                       hybster_order_counter(p), NULL, &hop.digest, &c))
            return false;
        if (c.value.order != 0 || nika_trusted_compare(c.previous, c.value) >= 0) return false;
        if ((seen >> p & 1) == 0)
            start[p] = c.previous;
        else if (!NIKA_PLANTED(T06) && !nothing_between(&voids, at_value[p], c.previous))
            return false;
        at_value[p] = c.value;
        seen |= 1u << p;
    }
    for (uint32_t p = 0; p < r->core.pillars && !NIKA_PLANTED(T06); p++)
        if (!nothing_between(&voids, at_value[p], last[p].previous)) return false;
    return true;
}

/* How many of the PREPAREs shown are of this pillar. HV6 sees to it that they are the first ones. */
static uint64_t shown_of(const struct nika_replica *r, const struct hybster_view_change *m,
                         uint32_t pillar)
{
    struct nika_frame frame;
    struct hybster_prepare order;
    struct nika_span raw;
    uint32_t at = 0;
    uint64_t count = 0;
    if (r->core.pillars == 1) return m->prepares.count;
    while (nika_frames_next(&m->prepares, &at, &raw)) {
        if (common_nested_open(&r->core, raw, &hybster_info_prepare, &frame, &order) &&
            common_pillar_of(&r->core, order.seq) == pillar)
            count++;
    }
    return count;
}

/* HV5, HV7: what each pillar's counter says of the view that the sender claims to have entered last. */
static enum nika_check participation_check(const struct nika_replica *r,
                                           const struct hybster_view_change *m,
                                           const struct nika_trusted_value *start)
{
    for (uint32_t p = 0; p < r->core.pillars; p++)
        if (start[p].view > m->from) return NIKA_CHECK_HV5;
    for (uint32_t p = 0; p < r->core.pillars; p++) {
        if (start[p].view != m->from || start[p].order <= m->low_mark) continue;
        uint64_t count = shown_of(r, m, p);
        uint64_t first = common_pillar_next(&r->core, p, m->low_mark);
        bool hides = count == 0 || start[p].order > first + (count - 1) * r->core.pillars;
        if (hides && !NIKA_PLANTED(T07) && !(NIKA_PLANTED(T08) && m->prepares.count > 0))
            return NIKA_CHECK_HV7;
    }
    return NIKA_CHECK_NONE;
}

enum nika_check hybster_view_change_check(struct nika_replica *r, const struct nika_frame *frame,
                                          const struct hybster_view_change *m)
{
    struct nika_trusted_certificate certificates[NIKA_PILLARS_MAX] = {{0}};
    struct nika_trusted_value value = {m->view, 0}, start[NIKA_PILLARS_MAX] = {{0, 0}};
    if (frame->raw.size > hybster_view_change_size_max(r->core.config) ||
        m->prepares.count > r->core.config->window ||
        m->hops.count > r->core.pillars * HYBSTER_HOPS_MAX + HYBSTER_VOIDS_MAX)
        return NIKA_CHECK_HV8;
    if (m->view <= m->from) return NIKA_CHECK_HV2;
    if (!hybster_unit_check(r, frame, &value, certificates)) return NIKA_CHECK_HV1;
    /* A correct replica leaves a view once; certifying the same value again moves nothing. */
    for (uint32_t p = 0; p < r->core.pillars; p++)
        if (nika_trusted_compare(certificates[p].previous, value) >= 0) return NIKA_CHECK_HV1;
    if (!hops_join(r, frame->sender, m, certificates, start)) return NIKA_CHECK_HV4;
    enum nika_check check = participation_check(r, m, start);
    if (check != NIKA_CHECK_NONE) return check;
    if (!low_mark_proven(r, m->low_mark, &m->checkpoints)) return NIKA_CHECK_HV3;
    return history_valid(r, &m->prepares, m->low_mark, m->from) ? NIKA_CHECK_NONE : NIKA_CHECK_HV6;
}

bool hybster_ack_valid(struct nika_replica *r, const struct nika_frame *frame,
                       const struct hybster_new_view_ack *m)
{
    struct nika_trusted_certificate certificate;
    if (frame->raw.size > hybster_view_change_size_max(r->core.config) ||
        m->prepares.count > r->core.config->window || m->base == 0 || m->base >= m->view)
        return false;
    return hybster_message_check(r, frame, NIKA_TRUSTED_MAC, 0, NULL, &certificate) &&
           low_mark_proven(r, m->low_mark, &m->checkpoints) &&
           history_valid(r, &m->prepares, m->low_mark, m->base);
}
