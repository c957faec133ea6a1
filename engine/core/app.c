/* engine/core/app.c: the encoding of a snapshot's description (app.h). Owns nothing. */
#include "engine/core/app.h"

#include "engine/core/bytes.h"

_Static_assert(NIKA_SNAPSHOT_META_SIZE == 8 + 4 + 8 + NIKA_DIGEST_SIZE, "meta layout");

void nika_snapshot_meta_write(struct nika_writer *w, const struct nika_snapshot_meta *meta)
{
    nika_write_u64(w, meta->seq);
    nika_write_u32(w, meta->chunk_count);
    nika_write_u64(w, meta->total_size);
    nika_write_digest(w, &meta->root);
}

void nika_snapshot_meta_read(struct nika_reader *r, struct nika_snapshot_meta *meta)
{
    memset(meta, 0, sizeof *meta);
    meta->seq = nika_read_u64(r);
    meta->chunk_count = nika_read_u32(r);
    meta->total_size = nika_read_u64(r);
    meta->root = nika_read_digest(r);
}
