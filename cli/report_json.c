/* cli/report_json.c: a finished run as one JSON object, for tools. Keys are stable; new ones may come. */
#include <stdlib.h>

#include "cli/cli.h"

static bool is_replica(uint32_t node)
{
    return node != NIKA_NODE_NONE && !nika_is_client(node);
}

static json_t *json_replica(uint32_t node)
{
    return is_replica(node) ? json_integer(node) : json_null();
}

static json_t *json_violations(const struct nika_run_result *r)
{
    json_t *list = json_array();
    char node[24];
    for (uint32_t i = 0; i < r->violation_count; i++) {
        const struct nika_violation *v = &r->violations[i];
        json_t *one = json_pack(
            "{s:s, s:s, s:s, s:I, s:I, s:I, s:s}", "oracle", nika_oracle_list[v->oracle]->id,
            "property", nika_oracle_list[v->oracle]->name, "node", cli_node_text(v->node, node),
            "sequence", (json_int_t)v->seq, "virtual_ns", (json_int_t)v->now_ns, "event",
            (json_int_t)v->event_index, "sentence", v->sentence);
        json_object_set_new(one, "replica", json_replica(v->node));
        json_t *replicas = json_array();
        if (is_replica(v->node)) json_array_append_new(replicas, json_replica(v->node));
        if (is_replica(v->other) && v->other != v->node)
            json_array_append_new(replicas, json_replica(v->other));
        json_object_set_new(one, "replicas", replicas);
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *json_faults(const struct nika_run_result *r)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < r->fault_count; i++) {
        const struct nika_fault_result *f = &r->faults[i];
        json_t *targets = json_array();
        for (uint32_t k = 0; k < NIKA_REPLICAS_MAX; k++) {
            if (nika_set_has(f->targets, k)) json_array_append_new(targets, json_integer(k));
        }
        json_array_append_new(list,
                              json_pack("{s:s, s:b, s:I, s:b, s:o}", "name", f->name, "present",
                                        (int)f->present, "acted", (json_int_t)f->acted,
                                        "at_clients", (int)f->at_clients, "targets", targets));
    }
    return list;
}

static json_t *json_counters(const struct nika_run_result *r)
{
    json_t *rejects = json_object(), *probes = json_object();
    for (uint32_t i = 1; i < NIKA_CHECK_COUNT; i++) {
        if (r->stats.rejects[i] > 0)
            json_object_set_new(rejects, nika_check_name((enum nika_check)i),
                                json_integer((json_int_t)r->stats.rejects[i]));
    }
    for (uint32_t i = 0; i < NIKA_PROBE_COUNT; i++) {
        json_object_set_new(probes, nika_probe_name((enum nika_probe)i),
                            json_integer((json_int_t)r->probes[i]));
    }
    return json_pack("{s:o, s:o}", "rejects", rejects, "probes", probes);
}

static json_t *json_replicas(const struct nika_run_result *r)
{
    json_t *list = json_array();
    char wait[200];
    for (uint32_t i = 0; i < r->replica_count; i++) {
        const struct nika_replica_result *replica = &r->replicas[i];
        const struct nika_replica_status *s = &replica->status;
        cli_wait_text(replica, wait, sizeof wait);
        json_t *one = json_pack("{s:i, s:b, s:b, s:s}", "replica", (int)i, "up", (int)replica->up,
                                "corrupted", (int)replica->corrupted, "text", wait);
        if (replica->up)
            json_object_update_new(
                one, json_pack("{s:I, s:b, s:I, s:I, s:I}", "view", (json_int_t)s->view, "active",
                               (int)s->active, "stable", (json_int_t)s->low_mark, "executed",
                               (json_int_t)s->last_executed, "pending", (json_int_t)s->pending));
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *json_liveness(const struct nika_run_result *r)
{
    return json_pack("{s:s, s:s, s:o}", "class", nika_liveness_name(r->liveness), "why", r->stall,
                     "throughput_percent",
                     r->throughput_percent == UINT32_MAX
                         ? json_null()
                         : json_integer((json_int_t)r->throughput_percent));
}

static json_t *json_turns(const struct cli_turns *t)
{
    json_t *list = json_array();
    char nodes[600];
    for (uint32_t i = 0; i < t->count; i++) {
        const struct cli_turn *turn = &t->list[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I, s:I}", "text", turn->text,
                                              "nodes", cli_turn_nodes(turn, nodes, sizeof nodes),
                                              "first_ns", (json_int_t)turn->first_ns, "last_ns",
                                              (json_int_t)turn->last_ns, "count",
                                              (json_int_t)turn->count));
    }
    return list;
}

static json_t *json_numbers(const struct cli_finished *f)
{
    const struct nika_run_result *r = f->result;
    const struct nika_world_stats *s = &r->stats;
    uint64_t bound = r->liveness_bound_ns > INT64_MAX ? INT64_MAX : r->liveness_bound_ns;
    json_t *numbers = json_object();
    const struct {
        const char *key;
        uint64_t value;
    } list[] = {
        {"seed", r->seed},
        {"events", s->events},
        {"messages", s->messages_delivered},
        {"messages_sent", s->messages_sent},
        {"bytes_sent", s->bytes_sent},
        {"requests_completed", r->requests_completed},
        {"requests_expected", r->requests_expected},
        {"views", r->view_max},
        {"transfers", r->transfers},
        {"virtual_ns", s->now_ns},
        {"wall_ns", f->wall_ns},
        {"liveness_bound_ns", bound},
    };
    for (uint32_t i = 0; i < ARRAY_COUNT(list); i++)
        json_object_set_new(numbers, list[i].key, json_integer((json_int_t)list[i].value));
    return numbers;
}

json_t *cli_report_object(const struct cli_finished *f)
{
    const struct nika_run_result *r = f->result;
    char line[CLI_LINE_SIZE];
    cli_reproduce(f->request, line, sizeof line);
    json_t *root = json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "verdict",
                             nika_exit_name(r->exit_class), "exit_class", r->exit_class, "sentence",
                             r->sentence, "scenario", f->request->path, "name", f->scenario->name,
                             "digest", r->digest, "version", cli_version_number(), "build",
                             cli_version_text(), "reproduce", line);
    cli_json_version(root, "run");
    json_object_update_new(root, json_numbers(f));
    json_object_set_new(root, "faults", json_faults(r));
    json_object_set_new(root, "story", json_turns(f->turns));
    json_object_set_new(root, "violations", json_violations(r));
    json_object_set_new(root, "liveness", json_liveness(r));
    json_object_set_new(root, "accountability", cli_culprits_json(f));
    json_object_update_new(root, json_counters(r));
    json_object_set_new(root, "replicas", json_replicas(r));
    return root;
}

void cli_report_json(const struct cli_finished *f, FILE *file)
{
    json_t *root = cli_report_object(f);
    char *text = json_dumps(root, JSON_SORT_KEYS | JSON_COMPACT | JSON_ENSURE_ASCII);
    fprintf(file, "%s\n", text != NULL ? text : "{}");
    free(text);
    json_decref(root);
}
