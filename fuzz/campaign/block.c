/* fuzz/campaign/block.c: runs one block and writes down what happened, nothing that depends on where or when it ran. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/campaign/campaign.h"
#include "fuzz/campaign/explore.h"
#include "protocols/registry.h"

struct tally {
    uint64_t held, missed;
    uint64_t acted[NIKA_FAULTS_MAX];
    uint64_t probes[NIKA_PROBE_COUNT];
    struct nika_run_digest digest;
    json_t *failures;
};

static void add_failure(struct tally *t, uint64_t seed, int exit_class, const char *sentence,
                        const char *digest)
{
    char signature[17];
    nika_failure_signature(exit_class, sentence, signature);
    json_array_append_new(
        t->failures, json_pack("{s:I, s:s, s:i, s:s, s:s, s:s}", "seed", (json_int_t)seed,
                               "verdict", nika_exit_name(exit_class), "exit_class", exit_class,
                               "signature", signature, "sentence", sentence, "digest", digest));
}

/* What was found out about a failing run besides its sentence. */
static void add_findings(const struct nika_run_result *r, json_t *failure)
{
    if (r->stall[0] != '\0') {
        json_object_set_new(failure, "liveness", json_string(nika_liveness_name(r->liveness)));
        json_object_set_new(failure, "stall", json_string(r->stall));
    }
    if (!r->accusation.examined) return;
    json_t *culprits = json_array();
    for (uint32_t i = 0; i < r->accusation.count; i++)
        json_array_append_new(culprits, json_sprintf("replica %u %s", r->accusation.list[i].replica,
                                                     r->accusation.list[i].sentence));
    json_object_set_new(failure, "culprits", culprits);
}

/* An attack that is expected to succeed, or a fault that a strategy may leave out, need not show under every seed. */
static bool may_miss(const struct nika_block *block)
{
    const struct nika_scenario *s = block->scenario;
    bool must = s->values[NIKA_KEY_SAFETY] == NIKA_EXPECT_MUST_FAIL ||
                s->values[NIKA_KEY_LIVENESS] == NIKA_EXPECT_MUST_FAIL;
    for (uint32_t i = 0; i < NIKA_ORACLES_MAX; i++)
        must = must || s->properties[i] == NIKA_EXPECT_MUST_FAIL;
    return must || strcmp(block->strategy->name, "random") != 0;
}

static void count(const struct nika_block *block, const struct nika_run_result *r, struct tally *t)
{
    for (uint32_t i = 0; i < NIKA_PROBE_COUNT; i++) t->probes[i] += r->probes[i];
    for (uint32_t i = 0; i < r->fault_count; i++) t->acted[i] += r->faults[i].acted;
    nika_run_digest_add(&t->digest, r->digest, 32);
    if (r->exit_class == NIKA_EXIT_HELD) {
        t->held++;
    } else if (r->exit_class == NIKA_EXIT_EXPECTATION && may_miss(block)) {
        t->missed++;
    } else {
        add_failure(t, r->seed, r->exit_class, r->sentence, r->digest);
        add_findings(r, json_array_get(t->failures, json_array_size(t->failures) - 1));
    }
}

static const char *skipped(const struct nika_block *block, uint64_t seed)
{
    for (uint32_t i = 0; i < block->skip_count; i++) {
        if (block->skips[i].seed == seed) return block->skips[i].what;
    }
    return NULL;
}

/* The first run of a block is done twice: a campaign is also a test of determinism. */
static void repeat(struct nika_explorer *explorer, uint64_t seed, const char *digest,
                   struct tally *t, struct nika_run_result *again)
{
    nika_explorer_repeat(explorer, seed, again);
    if (strcmp(again->digest, digest) == 0) return;
    add_failure(t, seed, NIKA_EXIT_NONDETERMINISTIC,
                "the same seed gave another digest the second time", digest);
}

static json_t *named_counts(const uint64_t *counts)
{
    json_t *object = json_object();
    for (uint32_t i = 0; i < NIKA_PROBE_COUNT; i++) {
        if (counts[i] == 0) continue;
        json_object_set_new(object, nika_probe_name(i), json_integer((json_int_t)counts[i]));
    }
    return object;
}

static json_t *record(const struct nika_block *block, struct tally *t,
                      const struct nika_coverage *coverage)
{
    char id[33], digest[33];
    json_t *faults = json_array(), *sets = json_array();
    nika_block_id(block, id);
    nika_run_digest_text(&t->digest, digest);
    for (uint32_t i = 0; i < block->scenario->fault_count; i++)
        json_array_append_new(faults,
                              json_pack("{s:s, s:I}", "name", block->scenario->faults[i].ops->name,
                                        "acted", (json_int_t)t->acted[i]));
    for (uint32_t i = 0; i < block->sets->count; i++)
        json_array_append_new(sets, json_string(block->sets->text[i]));
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:s, s:o, s:I, s:o, "
                     "s:o, s:o, s:o, "
                     "s:o}",
                     "nika_block", id, "scenario", block->scenario->name, "path",
                     block->scenario->path, "scenario_digest", block->scenario_digest, "protocol",
                     nika_protocol_list[block->scenario->values[NIKA_KEY_PROTOCOL]].name,
                     "strategy", block->strategy->name, "version", block->version, "first",
                     (json_int_t)block->first, "count", (json_int_t)block->count, "held",
                     (json_int_t)t->held, "missed", (json_int_t)t->missed, "digest", digest, "sets",
                     sets, "given", (json_int_t)block->sets->given, "faults", faults, "probes",
                     named_counts(t->probes), "states", nika_coverage_states_json(coverage),
                     "steps", nika_coverage_steps_json(coverage), "failures",
                     json_incref(t->failures));
}

json_t *nika_block_run(const struct nika_block *block, struct nika_runner *runner,
                       struct nika_slot *slot, uint64_t (*now_ns)(void))
{
    struct nika_run_result *result = calloc(2, sizeof *result);
    struct nika_explorer *explorer = nika_explorer_new(runner, block->strategy);
    struct tally t = {.failures = json_array()};
    json_t *out = NULL;
    if (result != NULL && explorer != NULL && t.failures != NULL) {
        nika_run_digest_init(&t.digest);
        for (uint32_t i = 0; i < block->count; i++) {
            uint64_t seed = block->first + i;
            const char *what = skipped(block, seed);
            if (what != NULL) {
                add_failure(&t, seed, NIKA_EXIT_CONTRACT, what, "");
                json_object_set_new(json_array_get(t.failures, json_array_size(t.failures) - 1),
                                    "process", json_true());
                continue;
            }
            atomic_store(&slot->seed, seed);
            atomic_store(&slot->started_ns, now_ns());
            nika_explorer_run(explorer, seed, result);
            count(block, result, &t);
            if (i == 0) repeat(explorer, seed, result->digest, &t, result + 1);
            atomic_store(&slot->started_ns, 0);
        }
        out = record(block, &t, nika_explorer_coverage(explorer));
    }
    json_decref(t.failures);
    nika_explorer_free(explorer);
    free(result);
    return out;
}
