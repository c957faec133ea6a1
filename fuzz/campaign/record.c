/* fuzz/campaign/record.c: the identity of blocks and of failures. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/campaign/campaign.h"

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

static bool is_token(char c)
{
    return isalnum((unsigned char)c) != 0 || c == '_';
}

/* Replica 2 at seq 17 and replica 3 at seq 4 fail in the same way: words with a digit in them say which, not how. */
static void shape(const char *sentence, char *out, size_t size)
{
    size_t used = 0;
    for (const char *at = sentence; *at != '\0' && used + 1 < size;) {
        size_t length = 0;
        bool digit = false;
        while (is_token(at[length])) digit = isdigit((unsigned char)at[length++]) != 0 || digit;
        bool keep = !digit || used == 0; /* The first word names the oracle. */
        if (length == 0) length = 1;
        if (keep) {
            for (size_t i = 0; i < length && used + 1 < size; i++) out[used++] = at[i];
        } else {
            out[used++] = '#';
        }
        at += length;
    }
    out[used] = '\0';
}

void nika_failure_signature(int exit_class, const char *sentence, char out[17])
{
    char text[NIKA_DIAGNOSIS_SIZE + 32], plain[NIKA_DIAGNOSIS_SIZE], hex[33];
    shape(sentence, plain, sizeof plain);
    snprintf(text, sizeof text, "%d|%s", exit_class, plain);
    fingerprint(text, hex);
    memcpy(out, hex, 16);
    out[16] = '\0';
}
