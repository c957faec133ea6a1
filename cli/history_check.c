/* cli/history_check.c: see history_check.h. */
#include "cli/history_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* zones[i] */
enum { FIRST_END, LAST_START, OF };

struct check {
    struct cli_history_op *ops;
    uint64_t (*zones)[3];
    size_t zone_count;
    char *why;
    size_t why_size;
};

static int compare_text(const char *a, const char *b)
{
    if (a == NULL || b == NULL) return (a != NULL) - (b != NULL);
    return strcmp(a, b);
}

/* By key, value, writes first, then time: total but for operations that are equal in all. */
static int compare_ops(const void *left, const void *right)
{
    const struct cli_history_op *a = left, *b = right;
    int order = strcmp(a->key, b->key);
    if (order == 0) order = compare_text(a->value, b->value);
    if (order == 0) order = (int)b->write - (int)a->write;
    if (order == 0) order = (a->call_ns > b->call_ns) - (a->call_ns < b->call_ns);
    if (order == 0) order = (a->return_ns > b->return_ns) - (a->return_ns < b->return_ns);
    return order != 0 ? order : (a->client > b->client) - (a->client < b->client);
}

static int compare_zones(const void *left, const void *right)
{
    const uint64_t *a = left, *b = right;
    if (a[FIRST_END] != b[FIRST_END]) return a[FIRST_END] > b[FIRST_END] ? 1 : -1;
    return (a[OF] > b[OF]) - (a[OF] < b[OF]);
}

static const char *name_of(const struct cli_history_op *op)
{
    return op->value != NULL ? op->value : "(absent)";
}

static bool is_silent_read(const struct cli_history_op *op)
{
    return !op->write && op->return_ns == CLI_HISTORY_NEVER;
}

/* ops[from..to) are of one value: its zone, if anybody saw it. */
static enum cli_history_verdict add_block(struct check *c, size_t from, size_t to)
{
    const struct cli_history_op *first = &c->ops[from];
    uint64_t first_end = CLI_HISTORY_NEVER, last_start = 0, written = 0;
    bool seen = false;
    if (to - from > 1 && c->ops[from + 1].write) {
        snprintf(c->why, c->why_size, "key %s: value %s is written twice; values must differ",
                 first->key, name_of(first));
        return CLI_HISTORY_UNDECIDED;
    }
    /* An absent key is what was there before everything: it was written, and that ended, at time 0. */
    if (first->write) {
        written = first->call_ns;
        last_start = first->call_ns;
        first_end = first->return_ns;
        seen = first->return_ns != CLI_HISTORY_NEVER;
    } else if (first->value == NULL) {
        first_end = 0;
    }
    for (size_t i = from + (first->write ? 1 : 0); i < to; i++) {
        const struct cli_history_op *read = &c->ops[i];
        if (is_silent_read(read)) continue;
        if ((!first->write && first->value != NULL) || read->return_ns < written) {
            snprintf(c->why, c->why_size,
                     "key %s: client %" PRIu32 " read %s, which nobody had %swritten", read->key,
                     read->client, name_of(read), first->write ? "begun to be " : "");
            return CLI_HISTORY_VIOLATED;
        }
        seen = true;
        if (read->return_ns < first_end) first_end = read->return_ns;
        if (read->call_ns > last_start) last_start = read->call_ns;
    }
    if (!seen) return CLI_HISTORY_LINEARIZABLE;
    uint64_t *zone = c->zones[c->zone_count++];
    zone[FIRST_END] = first_end;
    zone[LAST_START] = last_start;
    zone[OF] = from;
    return CLI_HISTORY_LINEARIZABLE;
}

static enum cli_history_verdict clash(struct check *c, const uint64_t *a, const uint64_t *b)
{
    const struct cli_history_op *x = &c->ops[a[OF]], *y = &c->ops[b[OF]];
    snprintf(c->why, c->why_size,
             "key %s: value %s was there before %s and after it: %" PRIu64 " < %" PRIu64
             " and %" PRIu64 " < %" PRIu64 " (an end before a start)",
             x->key, name_of(x), name_of(y), a[FIRST_END], b[LAST_START], b[FIRST_END],
             a[LAST_START]);
    return CLI_HISTORY_VIOLATED;
}

/* Blocks whose operations do not all overlap (f < s) need time of their own, so they may not overlap one another; the others need one
 * instant between s and f that none of the former takes up. */
static enum cli_history_verdict judge_zones(struct check *c)
{
    size_t forward = 0;
    qsort(c->zones, c->zone_count, sizeof c->zones[0], compare_zones);
    for (size_t i = 0; i < c->zone_count; i++) {
        uint64_t zone[3] = {c->zones[i][0], c->zones[i][1], c->zones[i][2]};
        if (zone[FIRST_END] >= zone[LAST_START]) continue;
        if (forward > 0 && c->zones[forward - 1][LAST_START] > zone[FIRST_END])
            return clash(c, c->zones[forward - 1], zone);
        /* Swapped, for those that are passed over are judged below. */
        memcpy(c->zones[i], c->zones[forward], sizeof zone);
        memcpy(c->zones[forward++], zone, sizeof zone);
    }
    for (size_t i = forward; i < c->zone_count; i++) {
        size_t low = 0, high = forward; /* The forward ones that have FIRST_END < our LAST_START. */
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (c->zones[middle][FIRST_END] < c->zones[i][LAST_START])
                low = middle + 1;
            else
                high = middle;
        }
        if (low > 0 && c->zones[low - 1][LAST_START] > c->zones[i][FIRST_END])
            return clash(c, c->zones[low - 1], c->zones[i]);
    }
    return CLI_HISTORY_LINEARIZABLE;
}

static enum cli_history_verdict check_key(struct check *c, size_t from, size_t to)
{
    enum cli_history_verdict verdict = CLI_HISTORY_LINEARIZABLE;
    c->zone_count = 0;
    for (size_t i = from, end; i < to && verdict == CLI_HISTORY_LINEARIZABLE; i = end) {
        end = i + 1;
        while (end < to && compare_text(c->ops[i].value, c->ops[end].value) == 0) end++;
        verdict = add_block(c, i, end);
    }
    return verdict == CLI_HISTORY_LINEARIZABLE ? judge_zones(c) : verdict;
}

enum cli_history_verdict cli_history_check(struct cli_history_op *ops, size_t count,
                                           uint64_t (*zones)[3], char *why, size_t why_size)
{
    struct check c = {.ops = ops, .zones = zones, .why = why, .why_size = why_size};
    enum cli_history_verdict verdict = CLI_HISTORY_LINEARIZABLE;
    for (size_t i = 0; i < count; i++) {
        if (ops[i].return_ns >= ops[i].call_ns && (!ops[i].write || ops[i].value != NULL)) continue;
        snprintf(why, why_size, "key %s: an operation of client %" PRIu32 " %s", ops[i].key,
                 ops[i].client,
                 ops[i].write && ops[i].value == NULL ? "writes nothing" : "ends before it begins");
        return CLI_HISTORY_UNDECIDED;
    }
    qsort(ops, count, sizeof *ops, compare_ops);
    for (size_t i = 0, end; i < count && verdict == CLI_HISTORY_LINEARIZABLE; i = end) {
        end = i + 1;
        while (end < count && strcmp(ops[i].key, ops[end].key) == 0) end++;
        verdict = check_key(&c, i, end);
    }
    return verdict;
}
