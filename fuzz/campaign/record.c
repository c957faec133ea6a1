/* fuzz/campaign/record.c: the identity of blocks and of failures. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/campaign/campaign.h"
#include "fuzz/shrink/shrink.h"

static void fingerprint(const char *text, char out[33])
{
    struct nika_digest d;
    nika_fingerprint(text, strlen(text), &d);
    nika_hex(d.bytes, 16, out);
}

void nika_scenario_digest(const struct nika_scenario *scenario, char out[33])
{
    char *text = json_dumps(scenario->document, JSON_COMPACT | JSON_SORT_KEYS);
    fingerprint(text != NULL ? text : "", out);
    free(text);
}

void nika_block_id(const struct nika_block *block, char out[33])
{
    char text[512];
    snprintf(text, sizeof text, "%s|%s|%s|%" PRIu64 "|%" PRIu32, block->scenario_digest,
             block->strategy->name, block->version, block->first, block->count);
    fingerprint(text, out);
}

uint32_t nika_block_shard(const char id[33], uint32_t shards)
{
    char half[17];
    memcpy(half, id, 16);
    half[16] = '\0';
    return (uint32_t)(strtoull(half, NULL, 16) % shards) + 1;
}

void nika_failure_signature(int exit_class, const char *sentence, char out[17])
{
    char text[NIKA_DIAGNOSIS_SIZE + 32], plain[NIKA_DIAGNOSIS_SIZE], hex[33];
    nika_failure_shape(sentence, plain, sizeof plain);
    snprintf(text, sizeof text, "%d|%s", exit_class, plain);
    fingerprint(text, hex);
    memcpy(out, hex, 16);
    out[16] = '\0';
}
