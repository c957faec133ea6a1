/* fuzz/targets/wire.h: what the decoder targets share: one protocol's table, its inputs type u8 | body. */
#ifndef FUZZ_TARGETS_WIRE_H
#define FUZZ_TARGETS_WIRE_H

#include "fuzz/targets/harvest.h"

#define WIRE_SIZE_MAX (64u * 1024u)

/* Judge one body: round trip, canonical form, every neighbour refused. */
void wire_run(const char *protocol, struct nika_span input);
uint32_t wire_mutate(const struct nika_message_table *table, uint8_t *data, uint32_t size,
                     uint32_t capacity, uint32_t seed);
uint32_t wire_cross(const struct nika_message_table *table, struct nika_span a, struct nika_span b,
                    uint8_t *out, uint32_t capacity, uint32_t seed);

#endif
