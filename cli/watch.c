/* cli/watch.c: what reports want to know of a run while it runs: its turning points, and the story before a violation. */
#include <inttypes.h>

#include "cli/cli.h"
#include "protocols/registry.h"

struct nika_story cli_story_of(const struct nika_runner *runner)
{
    const struct nika_scenario *s = nika_runner_drawn(runner);
    return (struct nika_story){.protocol = nika_protocol_list[s->values[NIKA_KEY_PROTOCOL]].replica,
                               .scenario = s};
}

static void watch(struct nika_runner *runner, void *context,
                  void (*on_tap)(void *context, const struct nika_tap *tap), uint32_t mask)
{
    struct nika_watcher watcher = {context, mask, on_tap};
    nika_world_watch(nika_runner_world(runner), &watcher);
}

static void add_node(struct cli_turn *turn, uint32_t node)
{
    uint64_t *set = nika_is_client(node) ? turn->clients : turn->replicas;
    uint32_t index = nika_client_index(node);
    if (node != NIKA_NODE_NONE && index < 128) set[index / 64] |= UINT64_C(1) << (index % 64);
}

static void on_turn(void *context, const struct nika_tap *tap)
{
    struct cli_turns *t = context;
    char text[sizeof t->list[0].text];
    if (t->closed || !nika_story_turn(&t->story, tap, text, sizeof text)) return;
    uint32_t i = 0;
    while (i < t->count && strcmp(t->list[i].text, text) != 0) i++;
    if (i == CLI_TURNS_MAX) {
        t->lost++;
        return;
    }
    struct cli_turn *turn = &t->list[i];
    if (i == t->count) {
        t->count++;
        memcpy(turn->text, text, sizeof text);
        turn->first_ns = tap->now_ns;
    }
    turn->last_ns = tap->now_ns;
    turn->count++;
    add_node(turn, tap->node);
}

void cli_turns_watch(struct cli_turns *turns, struct nika_runner *runner)
{
    turns->story = cli_story_of(runner);
    watch(runner, turns, on_turn,
          NIKA_TAP_BIT(NIKA_TAP_NOTE) | NIKA_TAP_BIT(NIKA_TAP_CRASHED) |
              NIKA_TAP_BIT(NIKA_TAP_RESTARTED) | NIKA_TAP_BIT(NIKA_TAP_FAULT) |
              NIKA_TAP_BIT(NIKA_TAP_GST));
}

static void append_nodes(const uint64_t set[2], char sign, char *out, size_t size)
{
    for (uint32_t i = 0; i < 128; i++) {
        size_t used = strlen(out);
        if (nika_set_has(set, i))
            snprintf(out + used, size - used, "%s%c%u", used > 0 ? "," : "", sign, i);
    }
}

const char *cli_turn_nodes(const struct cli_turn *turn, char *out, size_t size)
{
    out[0] = '\0';
    append_nodes(turn->replicas, 'r', out, size);
    append_nodes(turn->clients, 'c', out, size);
    if (out[0] == '\0') snprintf(out, size, "-");
    return out;
}

void cli_turn_text(const struct cli_turn *turn, char *out, size_t size)
{
    uint64_t nodes = 0;
    for (uint32_t i = 0; i < 2; i++) {
        nodes += (uint64_t)__builtin_popcountll(turn->replicas[i]);
        nodes += (uint64_t)__builtin_popcountll(turn->clients[i]);
    }
    if (turn->count <= 1 || turn->last_ns == turn->first_ns) {
        snprintf(out, size, "%s", turn->text);
    } else if (turn->count == nodes) {
        snprintf(out, size, "%s (the last at %" PRIu64 ".%03" PRIu64 " ms)", turn->text,
                 turn->last_ns / 1000000, turn->last_ns / 1000 % 1000);
    } else {
        snprintf(out, size, "%s (%" PRIu64 " times until %" PRIu64 ".%03" PRIu64 " ms)", turn->text,
                 turn->count, turn->last_ns / 1000000, turn->last_ns / 1000 % 1000);
    }
}

static void on_line(void *context, const struct nika_tap *tap)
{
    struct cli_excerpt *e = context;
    const struct nika_violation *v = e->violation;
    bool after = v->event_index != 0 && tap->event_index > v->event_index;
    if (after || !nika_story_concerns(&e->story, tap, v->seq)) return;
    if (nika_story_line(&e->story, tap, e->lines[e->count % CLI_EXCERPT_LINES])) e->count++;
}

void cli_excerpt_watch(struct cli_excerpt *e, struct nika_runner *runner,
                       const struct nika_violation *violation)
{
    e->story = cli_story_of(runner);
    e->violation = violation;
    watch(runner, e, on_line,
          (NIKA_TAP_BIT(NIKA_TAP_COUNT) - 1) & ~NIKA_TAP_BIT(NIKA_TAP_EVENT_END));
}
