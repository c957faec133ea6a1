/* protocols/hybster/void.c: views that can never begin (an addition to HV4 of PROTOCOLS.md 2.4, and to 2.5).
 *
 * A leader certifies the orders of its NEW-VIEW one by one and the NEW-VIEW last. When it crashes in between, its ordering counters say that
 * it took part in a view of which it has nothing to show. But no replica has entered that view, nor ever will once the counter of NEW-VIEWs
 * is beyond it without having been used there: so a continuing certificate of that counter, from below [view|0] to [view|1], stands for the
 * orders that are lost. Only the leader of the view can say that: another replica's counter of NEW-VIEWs was never used for it anyway. */
#include "protocols/hybster/view.h"

/* What is certified, as if a NEW-VIEW had no field but its view. No NEW-VIEW is so short. */
static void statement(const struct nika_config *config, uint64_t view, struct nika_digest *out)
{
    uint8_t content[8];
    struct nika_writer w = nika_writer_of(content, sizeof content);
    nika_write_u64(&w, view);
    hybster_statement(config, HYBSTER_TYPE_new_view, (struct nika_span){content, w.at}, out);
}

static bool known(const struct nika_replica *r, uint64_t view)
{
    for (uint32_t i = 0; i < r->void_count; i++)
        if (hybster_hop_certificate(&r->voids[i]).value.view == view) return true;
    return false;
}

/* The certificate of [view|1], now or as it was made before. False: the counter was used for the NEW-VIEW, or says nothing of it. */
static bool certificate_of(struct nika_replica *r, uint64_t view, const struct nika_digest *digest,
                           struct nika_trusted_certificate *out)
{
    const struct nika_host *host = r->core.host;
    const struct nika_trusted_value opening = {view, 0}, beyond = {view, 1};
    struct nika_trusted_value present;
    struct nika_digest issued;
    if (hybster_counter_read(r, HYBSTER_COUNTER_NEW_VIEW, &present) != NIKA_OK) return false;
    if (nika_trusted_compare(present, opening) < 0) {
        enum nika_err err =
            host->trusted->certify(host->world, r->core.self, NIKA_TRUSTED_CONTINUING,
                                   HYBSTER_COUNTER_NEW_VIEW, beyond, digest, out);
        if (err != NIKA_OK) hybster_halt(r, NIKA_CHECK_TSG, view);
        return err == NIKA_OK;
    }
    return hybster_counter_last(r, HYBSTER_COUNTER_NEW_VIEW, out, &issued) &&
           out->kind == NIKA_TRUSTED_CONTINUING && nika_trusted_compare(out->value, beyond) == 0 &&
           nika_digest_equal(&issued, digest);
}

bool hybster_void_make(struct nika_replica *r, uint64_t view)
{
    struct nika_digest digest;
    struct nika_trusted_certificate c;
    if (known(r, view)) return true;
    if (r->halted || common_primary(&r->core, view) != r->core.self || view <= r->entered ||
        r->candidate_view == view || r->void_count == HYBSTER_VOIDS_MAX)
        return false;
    statement(r->core.config, view, &digest);
    if (!certificate_of(r, view, &digest, &c)) return false;
    REACHED(hybster_view_voided);
    hybster_void_keep(r, &c, &digest);
    return true;
}

void hybster_void_keep(struct nika_replica *r, const struct nika_trusted_certificate *c,
                       const struct nika_digest *digest)
{
    if (r->void_count == HYBSTER_VOIDS_MAX) return;
    struct hybster_hop_entry *entry = &r->voids[r->void_count++];
    entry->digest = *digest;
    nika_trusted_certificate_encode(c, entry->certificate);
}

void hybster_void_forget(struct nika_replica *r)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < r->void_count; i++)
        if (hybster_hop_certificate(&r->voids[i]).value.view > r->entered)
            r->voids[kept++] = r->voids[i];
    r->void_count = kept;
}

bool hybster_void_check(struct nika_replica *r, uint32_t sender, const struct hybster_hop *hop,
                        uint64_t *view)
{
    struct nika_trusted_certificate c;
    struct nika_digest digest;
    if (!hybster_certificate_check(r, hop->certificate, sender, NIKA_TRUSTED_CONTINUING,
                                   HYBSTER_COUNTER_NEW_VIEW, NULL, &hop->digest, &c))
        return false;
    const struct nika_trusted_value opening = {c.value.view, 0};
    statement(r->core.config, c.value.view, &digest);
    *view = c.value.view;
    return c.value.order == 1 && nika_trusted_compare(c.previous, opening) < 0 &&
           common_primary(&r->core, c.value.view) == sender &&
           nika_digest_equal(&hop->digest, &digest);
}
