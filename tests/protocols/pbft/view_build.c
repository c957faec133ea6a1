/* tests/protocols/pbft/view_build.c: see view_build.h. */
#include "tests/protocols/pbft/view_build.h"

#define BUILD_BYTES (4u * 1024u * 1024u)

struct nika_digest build_digest(uint8_t fill)
{
    struct nika_digest digest;
    memset(digest.bytes, fill, sizeof digest.bytes);
    return digest;
}

static void append_frame(struct cluster *c, struct nika_writer *w, struct nika_list *list,
                         uint32_t sender, const struct nika_message_info *info, const void *message,
                         bool damage)
{
    struct cluster_bytes frame = cluster_frame(c, sender, 0, info, message);
    if (damage) frame.data[frame.size - 1] ^= 1;
    nika_frames_append(w, list, cluster_span(frame));
    free(frame.data);
}

static void append_certificate(struct cluster *c, struct nika_writer *w, struct nika_list *list,
                               const struct build_certificate *spec)
{
    uint8_t *scratch = malloc(BUILD_BYTES);
    struct nika_writer s = nika_writer_of(scratch, BUILD_BYTES);
    uint32_t primary = (uint32_t)(spec->view % c->config.n);
    struct pbft_pre_prepare order = {
        .view = spec->view, .seq = spec->seq, .digest = build_digest(spec->digest)};
    struct cluster_bytes pre_prepare =
        cluster_frame(c, spec->wrong_primary ? (primary + 1) % c->config.n : primary, 0,
                      &pbft_info_pre_prepare, &order);
    struct pbft_certificate certificate = {.pre_prepare = cluster_span(pre_prepare)};
    uint32_t wanted =
        spec->prepares != 0 ? spec->prepares : common_quorum(c->config.n, c->config.f) - 1;
    uint32_t done = 0;
    for (uint32_t i = 0; i < c->config.n && done < wanted; i++) {
        if (i == primary && !spec->primary_prepares) continue;
        struct pbft_prepare vote = {
            .view = spec->view, .seq = spec->seq, .digest = build_digest(spec->digest)};
        bool last = done + 1 == wanted;
        if (last && spec->other_digest) vote.digest.bytes[0] ^= 1;
        const struct nika_message_info *info =
            last && spec->commit_instead ? &pbft_info_commit : &pbft_info_prepare;
        append_frame(c, &s, &certificate.prepares, i, info, &vote, last && spec->bad_signature);
        done++;
        if (spec->repeated_sender && done < wanted) {
            append_frame(c, &s, &certificate.prepares, i, info, &vote, false);
            done++;
        }
    }
    assert_false(s.failed);
    nika_list_append(w, list, &pbft_info_certificate, &certificate);
    free(pre_prepare.data);
    free(scratch);
}

static void append_checkpoints(struct cluster *c, struct nika_writer *w, struct nika_list *list,
                               const struct build_view_change *spec)
{
    uint32_t count = spec->low_mark == 0 ? 0 : common_quorum(c->config.n, c->config.f);
    if (spec->checkpoints != 0) count = spec->checkpoints;
    if (spec->no_checkpoints) count = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct pbft_checkpoint m = {.seq = spec->low_mark, .digest = build_digest(spec->state)};
        bool last = i + 1 == count;
        if (last && spec->other_checkpoint_digest) m.digest.bytes[0] ^= 1;
        if (spec->checkpoint_of_other_seq) m.seq += c->config.checkpoint_interval;
        append_frame(c, w, list, last && spec->repeated_checkpoint ? 0 : i, &pbft_info_checkpoint,
                     &m, false);
    }
    uint8_t junk[4096] = {0};
    for (uint32_t i = 0; i < spec->junk_checkpoints; i++) {
        nika_frames_append(w, list, (struct nika_span){junk, sizeof junk});
    }
}

struct cluster_bytes build_view_change(struct cluster *c, const struct build_view_change *spec)
{
    uint8_t *proofs = malloc(BUILD_BYTES), *certificates = malloc(BUILD_BYTES);
    struct nika_writer pw = nika_writer_of(proofs, BUILD_BYTES),
                       cw = nika_writer_of(certificates, BUILD_BYTES);
    struct pbft_view_change m = {.view = spec->view, .low_mark = spec->low_mark};
    append_checkpoints(c, &pw, &m.checkpoints, spec);
    for (uint32_t i = 0; i < spec->prepared_count; i++)
        append_certificate(c, &cw, &m.prepared, &spec->prepared[i]);
    assert_false(pw.failed || cw.failed);
    struct cluster_bytes frame = cluster_frame(c, spec->sender, 0, &pbft_info_view_change, &m);
    free(proofs);
    free(certificates);
    return frame;
}

struct cluster_bytes build_new_view(struct cluster *c, uint32_t sender, uint64_t view,
                                    const struct cluster_bytes *changes, uint32_t change_count,
                                    const struct build_order *orders, uint32_t order_count)
{
    uint8_t *proofs = malloc(BUILD_BYTES), *order_bytes = malloc(BUILD_BYTES);
    struct nika_writer pw = nika_writer_of(proofs, BUILD_BYTES),
                       ow = nika_writer_of(order_bytes, BUILD_BYTES);
    struct pbft_new_view m = {.view = view};
    for (uint32_t i = 0; i < change_count; i++)
        nika_frames_append(&pw, &m.view_changes, cluster_span(changes[i]));
    for (uint32_t i = 0; i < order_count; i++) {
        struct pbft_pre_prepare order = {.view = orders[i].view, .seq = orders[i].seq};
        order.digest = build_digest(orders[i].digest);
        append_frame(c, &ow, &m.pre_prepares, orders[i].signer, &pbft_info_pre_prepare, &order,
                     false);
    }
    assert_false(pw.failed || ow.failed);
    struct cluster_bytes frame = cluster_frame(c, sender, 0, &pbft_info_new_view, &m);
    free(proofs);
    free(order_bytes);
    return frame;
}
