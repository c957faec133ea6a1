/* faults/byzantine/lying_state.c: corrupted replicas serve false state: altered META, chunks or proofs, or none at all. */
#include "faults/support.h"

enum { PARAM_WHAT, PARAM_RATE, PARAM_COUNT };
enum { WHAT_ALL, WHAT_META, WHAT_CHUNK_DATA, WHAT_CHUNK_PROOF, WHAT_NO_SNAPSHOT, WHAT_COUNT };
static const char *const what_names[] = {"all",         "meta",        "chunk-data",
                                         "chunk-proof", "no-snapshot", NULL};
static const struct nika_fault_param params[PARAM_COUNT] = {
    {.name = "what",
     .doc = "Which answers are false.",
     .low = 0,
     .high = WHAT_COUNT - 1,
     .fallback = WHAT_ALL,
     .names = what_names},
    FAULT_PARAM_RATE,
};

static bool lie_meta(struct nika_fault *fault, struct nika_outgoing *out, struct common_meta *m)
{
    if (fault_draw(fault, out, 2) == 1) {
        m->total_size += NIKA_CHUNK_SIZE_MAX;
        m->chunk_count++;
    } else {
        fault_other_digest(&m->root, &m->root);
    }
    return fault_rewrite(fault, out, &common_info_meta, m);
}

static bool lie_chunk(struct nika_fault *fault, struct nika_outgoing *out,
                      const struct common_chunk *honest, bool proof)
{
    uint8_t data[NIKA_CHUNK_SIZE_MAX + NIKA_DIGEST_SIZE];
    struct nika_writer w = nika_writer_of(data, sizeof data);
    struct nika_digest digest;
    struct common_chunk m = *honest;
    uint32_t at = 0;
    if (!proof || m.proof.count == 0) {
        if (m.data.size > 0) nika_write_raw(&w, m.data.data, m.data.size);
        if (m.data.size == 0) nika_write_u8(&w, 0);
        data[fault_draw(fault, out, w.at)] ^= 1;
        m.data = (struct nika_span){data, w.at};
        return fault_rewrite(fault, out, &common_info_chunk, &m);
    }
    struct nika_list lie = {0, {NULL, 0}};
    while (nika_digests_next(&m.proof, &at, &digest)) {
        fault_other_digest(&digest, &digest);
        nika_digests_append(&w, &lie, &digest);
    }
    m.proof = lie;
    return fault_rewrite(fault, out, &common_info_chunk, &m);
}

static bool deny(struct nika_fault *fault, struct nika_outgoing *out, uint64_t seq)
{
    struct common_no_snapshot m = {.seq = seq};
    return fault_rewrite(fault, out, &common_info_no_snapshot, &m);
}

static void on_send(struct nika_fault *fault, struct nika_outgoing *out)
{
    struct common_meta meta = {0};
    struct common_chunk chunk = {0};
    uint64_t what = fault->params[PARAM_WHAT];
    bool is_meta = fault_decode(fault, out, &common_info_meta, &meta);
    bool is_chunk = !is_meta && fault_decode(fault, out, &common_info_chunk, &chunk);
    if (!is_meta && !is_chunk) return;
    if (is_meta && (what == WHAT_CHUNK_DATA || what == WHAT_CHUNK_PROOF)) return;
    if (is_chunk && what == WHAT_META) return;
    if (!fault_rolls(fault, out, fault->params[PARAM_RATE])) return;
    bool lied = false;
    if (what == WHAT_NO_SNAPSHOT || (what == WHAT_ALL && fault_draw(fault, out, 4) == 3)) {
        lied = deny(fault, out, is_meta ? meta.seq : chunk.seq);
    } else if (is_meta) {
        lied = lie_meta(fault, out, &meta);
    } else {
        bool proof =
            what == WHAT_CHUNK_PROOF || (what == WHAT_ALL && fault_draw(fault, out, 2) == 1);
        lied = lie_chunk(fault, out, &chunk, proof);
    }
    if (lied) nika_fault_acted(fault, out->from);
}

const struct nika_fault_ops nika_fault_lying_state = {
    .name = "lying-state",
    .doc = "Corrupted replicas serve false state to those that catch up.",
    .fault_class = NIKA_FAULT_BYZANTINE,
    .params = params,
    .param_count = PARAM_COUNT,
    .on_send = on_send,
};
