/* engine/core/stream.c: counter-based draws by name (stream.h). Owns nothing; there is no state to
 * shift. */
#include "engine/core/stream.h"

#include "engine/core/assert.h"
#include "engine/core/digest.h"
#include "engine/core/mix.h"

uint64_t nika_stream(uint64_t seed, const char *name, uint64_t k)
{
    return nika_mix(nika_hash64(name, strlen(name), seed) + nika_mix(k + NIKA_GOLDEN));
}

uint64_t nika_stream_draw(uint64_t stream, uint64_t index)
{
    return nika_mix(stream + (index + 1) * NIKA_GOLDEN);
}

uint64_t nika_stream_below(uint64_t stream, uint64_t index, uint64_t n)
{
    NIKA_ASSERT(n >= 1);
    return nika_reduce(nika_stream_draw(stream, index), n);
}
