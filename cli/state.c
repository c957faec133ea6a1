/* cli/state.c: the state of a whole cluster in the middle of a run, for people and for programs (walk.h). Changes nothing. */
#include <inttypes.h>
#include <stdlib.h>

#include "cli/walk.h"
#include "engine/core/digest.h"

static const char *phase_of(struct nika_world *w, uint32_t i, const struct nika_replica_status *s)
{
    if (!nika_world_is_up(w, i)) return "down";
    if (nika_world_is_paused(w, i)) return "paused";
    if (s->amnesiac) return "recovering";
    if (s->transferring) return "state transfer";
    return s->active ? "ordering" : "view change";
}

static void put_ms(char out[32], uint64_t ns)
{
    snprintf(out, 32, "%" PRIu64 ".%06" PRIu64 " ms", ns / 1000000, ns % 1000000);
}

void cli_state_place(const struct nika_world *w, char *out, size_t size)
{
    char at[32];
    uint64_t events = nika_world_event_index(w);
    put_ms(at, nika_world_now(w));
    if (events == 0)
        snprintf(out, size, "the beginning, before event 0");
    else
        snprintf(out, size, "event %" PRIu64 ", %s", events - 1, at);
}

static const char *type_name(const struct nika_replica_ops *protocol, uint8_t type)
{
    const struct nika_message_table *t = protocol->messages;
    return type < t->count && t->messages[type] != NULL ? t->messages[type]->name : "malformed";
}

static bool numbered(const struct nika_waiting *q)
{
    return q->summary != NULL && q->summary->message_class != NIKA_MESSAGE_REQUEST &&
           q->summary->message_class != NIKA_MESSAGE_REPLY;
}

/* ---- text ---- */
static void print_timers(struct nika_world *w, uint32_t node, FILE *file)
{
    uint64_t at, now = nika_world_now(w);
    uint32_t shown = 0;
    char in[32];
    fprintf(file, "    timers  ");
    for (uint32_t i = 0; i < NIKA_TIMERS_MAX; i++) {
        const char *name = nika_world_timer_name(w, node, i);
        if (!nika_world_timer(w, node, i, &at)) continue;
        put_ms(in, at > now ? at - now : 0);
        fprintf(file, shown++ > 0 ? ", " : "");
        if (name != NULL)
            fprintf(file, "%s in %s", name, in);
        else
            fprintf(file, "timer %u in %s", i, in);
    }
    fprintf(file, "%s\n", shown == 0 ? "none" : "");
}

static void print_waiting(const struct nika_runner *runner, struct nika_world *w,
                          const struct nika_waiting *q, FILE *file)
{
    char in[32], from[16];
    const struct nika_scenario *s = nika_runner_drawn(runner);
    uint64_t now = nika_world_now(w);
    put_ms(in, q->at_ns > now ? q->at_ns - now : 0);
    fprintf(file, "            %s%s  ", q->arrived ? "waits for the node" : "in ",
            q->arrived ? "" : in);
    if (q->kind == NIKA_WAITING_MESSAGE && q->frame != NULL) {
        fprintf(file, "%s from %s", type_name(cli_story_of(runner).protocol, q->frame->type),
                nika_story_node(q->from, from));
        if (numbered(q))
            fprintf(file, " view=%" PRIu64 " seq=%" PRIu64, q->summary->view, q->summary->seq);
    } else if (q->kind == NIKA_WAITING_FAULT && q->token < s->fault_count) {
        fprintf(file, "fault %s", s->faults[q->token].ops->name);
    } else {
        fprintf(file, "%s", nika_waiting_name(q->kind));
    }
    fprintf(file, "\n");
}

static void print_queue(const struct nika_runner *runner, struct nika_world *w, uint32_t node,
                        uint32_t limit, FILE *file)
{
    struct nika_waiting *list = calloc(limit + 1, sizeof *list);
    if (list == NULL) return;
    uint32_t count = nika_world_waiting(w, node, list, limit);
    fprintf(file, "    queue   %u event%s%s\n", count, count == 1 ? "" : "s",
            count > limit && limit > 0 ? ", the first of them:" : "");
    for (uint32_t i = 0; i < count && i < limit; i++) print_waiting(runner, w, &list[i], file);
    free(list);
}

static void print_replica(const struct nika_runner *runner, struct nika_world *w, uint32_t i,
                          uint32_t queue, FILE *file)
{
    struct nika_replica_status s;
    const struct nika_config *c = nika_world_config(w);
    nika_world_status(w, i, &s);
    fprintf(file, "replica %u%s  %s", i,
            nika_world_is_corrupted(w, i) ? " (Byzantine or amnesiac)" : "", phase_of(w, i, &s));
    if (nika_world_is_up(w, i)) {
        fprintf(file,
                "  view %" PRIu64 "  executed %" PRIu64 "  committed %" PRIu64
                "  watermarks %" PRIu64 "..%" PRIu64 "  stable checkpoint %" PRIu64
                "  pending requests %u\n",
                s.view, s.last_executed, s.last_committed, s.low_mark, s.low_mark + c->window,
                s.low_mark, s.pending);
        bool votes = s.wait == NIKA_WAIT_PREPARES || s.wait == NIKA_WAIT_COMMITS;
        fprintf(file, "    waits   for %s", nika_wait_text(s.wait));
        if (votes) fprintf(file, " (holds %" PRIu64 ")", s.wait_detail);
        if (s.view_changes_held > 0) fprintf(file, ", holds %u VIEW-CHANGEs", s.view_changes_held);
        if (s.backoff > 0) fprintf(file, ", time-out doubled %u times", s.backoff);
        fprintf(file, "\n");
        print_timers(w, i, file);
    } else {
        fprintf(file, "\n");
    }
    print_queue(runner, w, i, queue, file);
}

void cli_state_print(const struct nika_runner *runner, struct nika_world *w, uint32_t replica,
                     uint32_t queue, FILE *file)
{
    const struct nika_config *c = nika_world_config(w);
    for (uint32_t i = 0; i < c->n; i++) {
        if (replica == NIKA_NODE_NONE || replica == i) print_replica(runner, w, i, queue, file);
    }
    for (uint32_t i = 0; i < c->clients && replica == NIKA_NODE_NONE; i++) {
        fprintf(file, "client %u\n", i);
        print_timers(w, nika_client_node(i), file);
        print_queue(runner, w, nika_client_node(i), queue, file);
    }
}

/* ---- JSON ---- */
static json_t *json_node(uint32_t node)
{
    char text[16];
    return node == NIKA_NODE_NONE ? json_null() : json_string(nika_story_node(node, text));
}

static json_t *json_waiting(const struct nika_runner *runner, const struct nika_waiting *q)
{
    json_t *one = json_pack("{s:s, s:I, s:b}", "kind", nika_waiting_name(q->kind), "virtual_ns",
                            (json_int_t)q->at_ns, "arrived", (int)q->arrived);
    if (q->kind == NIKA_WAITING_MESSAGE) {
        const char *type = q->frame != NULL
                               ? type_name(cli_story_of(runner).protocol, q->frame->type)
                               : "malformed";
        json_object_set_new(one, "from", json_node(q->from));
        json_object_set_new(one, "type", json_string(type));
    }
    if (numbered(q)) {
        json_object_set_new(one, "view", json_integer((json_int_t)(q->summary->view & INT64_MAX)));
        json_object_set_new(one, "sequence",
                            json_integer((json_int_t)(q->summary->seq & INT64_MAX)));
    }
    if (q->kind == NIKA_WAITING_FAULT)
        json_object_set_new(one, "fault", json_integer((json_int_t)q->token));
    return one;
}

/* Adds `queue` and `queue_length`. */
static void add_queue(json_t *object, const struct nika_runner *runner, struct nika_world *w,
                      uint32_t node)
{
    struct nika_waiting *list = calloc(CLI_STATE_QUEUE_JSON, sizeof *list);
    json_t *queue = json_array();
    uint32_t count = list != NULL ? nika_world_waiting(w, node, list, CLI_STATE_QUEUE_JSON) : 0;
    for (uint32_t i = 0; i < count && i < CLI_STATE_QUEUE_JSON; i++)
        json_array_append_new(queue, json_waiting(runner, &list[i]));
    json_object_set_new(object, "queue", queue);
    json_object_set_new(object, "queue_length", json_integer(count));
    free(list);
}

static json_t *json_timers(struct nika_world *w, uint32_t node)
{
    json_t *list = json_array();
    uint64_t at;
    for (uint32_t i = 0; i < NIKA_TIMERS_MAX; i++) {
        const char *name = nika_world_timer_name(w, node, i);
        if (!nika_world_timer(w, node, i, &at)) continue;
        json_array_append_new(list, json_pack("{s:i, s:s?, s:I}", "timer", (int)i, "name", name,
                                              "virtual_ns", (json_int_t)(at & INT64_MAX)));
    }
    return list;
}

static void add_status(json_t *one, struct nika_world *w, uint32_t i,
                       const struct nika_replica_status *s)
{
    char hex[2 * NIKA_DIGEST_SIZE + 1];
    struct nika_digest digest;
    nika_world_replica_digest(w, i, &digest);
    nika_hex(digest.bytes, NIKA_DIGEST_SIZE, hex);
    json_object_update_new(
        one,
        json_pack("{s:I, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:i, s:i, s:s}", "view",
                  (json_int_t)s->view, "active", (int)s->active, "executed",
                  (json_int_t)s->last_executed, "committed", (json_int_t)s->last_committed,
                  "low_mark", (json_int_t)s->low_mark, "high_mark",
                  (json_int_t)s->low_mark + (json_int_t)nika_world_config(w)->window,
                  "stable_checkpoint", (json_int_t)s->low_mark, "pending", (json_int_t)s->pending,
                  "waits_for", nika_wait_text(s->wait), "view_changes_held",
                  (int)s->view_changes_held, "backoff", (int)s->backoff, "digest", hex));
}

static json_t *json_replicas(const struct nika_runner *runner, struct nika_world *w)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < nika_world_config(w)->n; i++) {
        struct nika_replica_status s;
        bool up = nika_world_is_up(w, i);
        nika_world_status(w, i, &s);
        json_t *one = json_pack("{s:i, s:b, s:b, s:b, s:s}", "replica", (int)i, "up", (int)up,
                                "paused", (int)nika_world_is_paused(w, i), "corrupted",
                                (int)nika_world_is_corrupted(w, i), "phase", phase_of(w, i, &s));
        if (up) add_status(one, w, i, &s);
        json_object_set_new(one, "timers", json_timers(w, i));
        add_queue(one, runner, w, i);
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *json_clients(const struct nika_runner *runner, struct nika_world *w)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < nika_world_config(w)->clients; i++) {
        json_t *one = json_pack("{s:i}", "client", (int)i);
        json_object_set_new(one, "timers", json_timers(w, nika_client_node(i)));
        add_queue(one, runner, w, nika_client_node(i));
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *json_violations(const struct nika_runner *runner)
{
    const struct nika_violation *v;
    json_t *list = json_array();
    uint32_t count = nika_runner_violations(runner, &v);
    for (uint32_t i = 0; i < count && i < NIKA_VIOLATIONS_MAX; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:s, s:I}", "oracle", nika_oracle_list[v[i].oracle]->id,
                            "property", nika_oracle_list[v[i].oracle]->name, "sentence",
                            v[i].sentence, "event", (json_int_t)v[i].event_index));
    return list;
}

json_t *cli_state_json(const struct nika_runner *runner, struct nika_world *w)
{
    uint64_t gst = (uint64_t)nika_runner_drawn(runner)->values[NIKA_KEY_GST_MS];
    bool calm = gst <= nika_world_now(w) / 1000000;
    json_t *root =
        json_pack("{s:i, s:s, s:I, s:I, s:b}", "nika_state", 1, "name",
                  nika_runner_drawn(runner)->name, "events", (json_int_t)nika_world_event_index(w),
                  "virtual_ns", (json_int_t)nika_world_now(w), "calm", (int)calm);
    json_t *world = json_object();
    add_queue(world, runner, w, NIKA_NODE_NONE);
    json_object_set_new(root, "replicas", json_replicas(runner, w));
    json_object_set_new(root, "clients", json_clients(runner, w));
    json_object_set_new(root, "world", world);
    json_object_set_new(root, "violations", json_violations(runner));
    return root;
}
