/* faults/byzantine/batch_forge.c: consistent lies about batches; see batch_forge.h. */
#include "faults/byzantine/batch_forge.h"

#include "engine/core/digest.h"

/* The digest of PROTOCOLS.md 5, restated: a fault uses message tables, no protocol code. */
static void body_digest(struct nika_span body, struct nika_digest *out)
{
    static const uint8_t tag[] = {'B', 'A', 'T', 'C', 'H'};
    struct nika_span parts[] = {{tag, sizeof tag}, body};
    nika_sha256(parts, ARRAY_COUNT(parts), out);
}

static struct forge_entry *find(struct forge *forge, const struct nika_digest *honest)
{
    for (uint32_t i = 0; i < FORGE_ENTRIES_MAX; i++) {
        struct forge_entry *e = &forge->entries[i];
        if (e->used && nika_digest_equal(&e->honest, honest)) return e;
    }
    return NULL;
}

static struct forge_entry *find_or_decide(struct nika_fault *fault, struct forge *forge,
                                          const struct forge_options *options,
                                          const struct nika_outgoing *out,
                                          const struct nika_digest *honest)
{
    struct forge_entry *e = find(forge, honest);
    if (e != NULL) return e;
    e = &forge->entries[forge->next];
    forge->next = (forge->next + 1) % FORGE_ENTRIES_MAX;
    *e = (struct forge_entry){.honest = *honest, .used = true};
    e->lies = fault_rolls(fault, out, options->rate_ppm);
    return e;
}

static bool bit_take(uint64_t bits[2], uint32_t node)
{
    if (nika_is_client(node) || node >= NIKA_REPLICAS_MAX) return false;
    uint64_t mask = (uint64_t)1 << (node % 64);
    bool was = (bits[node / 64] & mask) != 0;
    bits[node / 64] |= mask;
    return !was;
}

/* Every corrupted replica votes for what this receiver was told, the primary included: a PREPARE beside its PRE-PREPARE must
 * count for nothing (P2). */
static void help(struct nika_fault *fault, struct forge_entry *e, const struct nika_digest *told,
                 uint32_t to)
{
    struct pbft_prepare prepare = {.view = e->view, .seq = e->seq, .digest = *told};
    struct pbft_commit commit = {.view = e->view, .seq = e->seq, .digest = *told};
    if (nika_is_client(to) || nika_fault_targets(fault, to) || !bit_take(e->helped, to)) return;
    for (uint32_t i = 0; i < fault->host->config->n; i++) {
        if (!nika_fault_targets(fault, i)) continue;
        fault_inject(fault, i, to, &pbft_info_prepare, &prepare);
        fault_inject(fault, i, to, &pbft_info_commit, &commit);
    }
}

/* The PRE-PREPAREs that waited for this batch go out now, in front of nobody: injection keeps no order. */
static void release(struct nika_fault *fault, const struct forge_options *options,
                    struct forge_entry *e, uint32_t primary, uint32_t to)
{
    uint64_t mask = (uint64_t)1 << (to % 64);
    if (nika_is_client(to) || to >= NIKA_REPLICAS_MAX || (e->waiting[to / 64] & mask) == 0) return;
    e->waiting[to / 64] &= ~mask;
    struct pbft_pre_prepare lie = {.view = e->view, .seq = e->seq, .digest = e->other};
    fault_inject(fault, primary, to, &pbft_info_pre_prepare, &lie);
    if (options->burst) help(fault, e, &e->other, to);
}

static void on_batch(struct nika_fault *fault, struct forge *forge,
                     const struct forge_options *options, struct nika_outgoing *out)
{
    struct nika_frame frame;
    struct common_batch honest = {0}, lie = {0};
    uint8_t lists[FAULT_SCRATCH_SIZE], encoded[FAULT_SCRATCH_SIZE];
    if (!fault_open(fault, out, &frame) || !fault_decode(fault, out, &common_info_batch, &honest))
        return;
    struct nika_digest digest;
    body_digest(frame.body, &digest);
    struct forge_entry *e = find_or_decide(fault, forge, options, out, &digest);
    if (!e->lies) return;
    struct nika_writer scratch = nika_writer_of(lists, sizeof lists);
    struct nika_writer w = nika_writer_of(encoded, sizeof encoded);
    lie = honest;
    if (!options->make(fault, out, &honest, &scratch, &lie)) return;
    nika_encode(&common_info_batch, &lie, &w);
    if (scratch.failed || w.failed) return;
    struct nika_span body = {encoded, w.at};
    body_digest(body, &e->other);
    e->known = true;
    if (!fault_other_side(out->to, options->split)) return;
    if (fault->host->resign(fault->host->world, out, out->type, body) != NIKA_OK) return;
    out->changed = true;
    nika_fault_acted(fault, out->from);
    release(fault, options, e, out->from, out->to);
}

static void on_pre_prepare(struct nika_fault *fault, struct forge *forge,
                           const struct forge_options *options, struct nika_outgoing *out)
{
    struct pbft_pre_prepare m = {0};
    if (!fault_decode(fault, out, &pbft_info_pre_prepare, &m)) return;
    if (nika_digest_is_null(&m.digest)) return;
    struct forge_entry *e = find_or_decide(fault, forge, options, out, &m.digest);
    if (!e->lies) return;
    if (e->view != m.view || e->seq != m.seq) memset(e->helped, 0, sizeof e->helped);
    e->view = m.view;
    e->seq = m.seq;
    if (!fault_other_side(out->to, options->split)) {
        if (options->burst) help(fault, e, &m.digest, out->to);
        return;
    }
    if (!e->known) {
        bit_take(e->waiting, out->to);
        out->drop = true;
        nika_fault_acted(fault, out->from);
        return;
    }
    m.digest = e->other;
    if (!fault_rewrite(fault, out, &pbft_info_pre_prepare, &m)) return;
    nika_fault_acted(fault, out->from);
    if (options->burst) help(fault, e, &e->other, out->to);
}

/* PREPARE and COMMIT have the same fields, by the protocol's design. */
static void on_vote(struct nika_fault *fault, struct forge *forge,
                    const struct forge_options *options, const struct nika_message_info *info,
                    struct nika_outgoing *out)
{
    struct pbft_prepare prepare = {0};
    struct pbft_commit commit = {0};
    bool is_prepare = info->type == PBFT_TYPE_prepare;
    void *value = is_prepare ? (void *)&prepare : (void *)&commit;
    if (!fault_other_side(out->to, options->split)) return;
    if (!fault_decode(fault, out, info, value)) return;
    struct nika_digest *digest = is_prepare ? &prepare.digest : &commit.digest;
    const struct forge_entry *e = find(forge, digest);
    if (e == NULL || !e->lies || !e->known) return;
    *digest = e->other;
    if (fault_rewrite(fault, out, info, value)) nika_fault_acted(fault, out->from);
}

void forge_on_send(struct nika_fault *fault, struct forge *forge,
                   const struct forge_options *options, struct nika_outgoing *out)
{
    if (out->type == COMMON_TYPE_batch) on_batch(fault, forge, options, out);
    if (out->type == PBFT_TYPE_pre_prepare) on_pre_prepare(fault, forge, options, out);
    if (out->type == PBFT_TYPE_prepare) on_vote(fault, forge, options, &pbft_info_prepare, out);
    if (out->type == PBFT_TYPE_commit) on_vote(fault, forge, options, &pbft_info_commit, out);
}
