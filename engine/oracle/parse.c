/* engine/oracle/parse.c: the EXECUTE payload of app.h and the ring of first claims, shared by the property files. */
#include "engine/core/bytes.h"
#include "engine/oracle/oracle_private.h"

bool oracle_execute_parse(struct nika_span payload, struct oracle_execute *out)
{
    struct nika_reader r = nika_reader_of(payload);
    out->seq = nika_read_u64(&r);
    out->time_ns = nika_read_u64(&r);
    out->digest = nika_read_digest(&r);
    if (r.failed) return false;
    uint32_t head = r.at;
    out->count = nika_read_u32(&r);
    if (r.failed) return false;
    out->effects_hash = nika_hash64(payload.data + head, payload.size - head, 0);
    out->effects = (struct nika_span){payload.data + r.at, payload.size - r.at};
    return true;
}

bool oracle_execute_next(const struct oracle_execute *e, uint32_t *at, struct oracle_effect *out)
{
    struct nika_reader r = nika_reader_of(e->effects);
    r.at = *at;
    if (r.at >= r.size) return false;
    out->client = nika_read_u32(&r);
    out->timestamp = nika_read_u64(&r);
    out->flags = nika_read_u32(&r);
    out->op = nika_read_bytes(&r, NIKA_OP_SIZE_MAX);
    *at = r.at;
    return !r.failed;
}

enum oracle_claim_verdict oracle_claim(struct oracle_claim *ring, uint32_t count, uint64_t slot,
                                       uint64_t seq, uint64_t value, uint32_t node,
                                       struct oracle_claim **entry)
{
    struct oracle_claim *c = &ring[slot & (count - 1)];
    *entry = c;
    if (c->seq == seq) return c->value == value ? ORACLE_CLAIM_SAME : ORACLE_CLAIM_OTHER;
    if (c->seq > seq) return ORACLE_CLAIM_OLD;
    *c = (struct oracle_claim){.seq = seq, .value = value, .node = node};
    return ORACLE_CLAIM_FIRST;
}
