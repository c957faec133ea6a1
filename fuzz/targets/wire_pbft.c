/* fuzz/targets/wire_pbft.c: the decoder of PBFT's messages (wire.c). */
#include "fuzz/targets/fields.h"
#include "fuzz/targets/wire.h"
#include "protocols/pbft/messages.h"

static void run(struct nika_span input)
{
    wire_run("pbft", input);
}

static uint32_t mutate(uint8_t *data, uint32_t size, uint32_t capacity, uint32_t seed)
{
    return wire_mutate(&pbft_messages, data, size, capacity, seed);
}

static uint32_t cross(struct nika_span a, struct nika_span b, uint8_t *out, uint32_t capacity,
                      uint32_t seed)
{
    return wire_cross(&pbft_messages, a, b, out, capacity, seed);
}

static void seeds(nika_target_seed *seed, void *context)
{
    nika_harvest_bodies("pbft", seed, context);
}

static void dictionary(FILE *out)
{
    nika_fields_dictionary(&pbft_messages, out);
}

const struct nika_target nika_target_wire_pbft = {
    .name = "wire-pbft",
    .doc = "The decoder of PBFT's messages: round trip, canonical, every prefix and extension "
           "rejected.",
    .size_max = WIRE_SIZE_MAX,
    .run = run,
    .mutate = mutate,
    .cross = cross,
    .seeds = seeds,
    .dictionary = dictionary,
};
