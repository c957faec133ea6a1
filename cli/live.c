/* cli/live.c: reading the files of a live cluster; see live.h. */
#include "cli/live.h"

#include <stdlib.h>

#include "apps/external.h"
#include "apps/registry.h"
#include "engine/shim/app_socket.h"
#include "protocols/registry.h"

static uint32_t protocol_id(const char *name)
{
    const struct nika_protocol *p = nika_protocol_find(name);
    return p == NULL ? 0 : p->id;
}

static const char *protocol_check(const char *name, const struct nika_config *config)
{
    return nika_protocol_find(name)->replica->check(config);
}

const struct nika_app_ops *cli_live_app(const char *name)
{
    return strcmp(name, nika_app_external.name) == 0 ? &nika_app_external : nika_app_find(name);
}

static bool has_app(const char *name)
{
    return cli_live_app(name) != NULL;
}

const struct nika_cluster_names cli_cluster_names = {protocol_id, protocol_check, has_app};

bool cli_client_macs(const char *text, struct argp_state *state)
{
    if (strcmp(text, "macs") == 0) return true;
    if (strcmp(text, "signature") != 0)
        argp_error(state, "--client-auth: expected signature or macs, got \"%s\"", text);
    return false;
}

uint32_t cli_faults_max(const char *protocol, uint32_t n)
{
    const struct nika_protocol *p = nika_protocol_find(protocol);
    struct nika_config c;
    nika_config_default(&c);
    c.n = n;
    for (c.f = p == NULL ? 0 : n - 1; c.f > 0 && p->replica->check(&c) != NULL;) c.f--;
    return c.f;
}

bool cli_protocol_is_hybrid(const char *protocol)
{
    const struct nika_protocol *p = nika_protocol_find(protocol);
    return p != NULL && p->replica->hybrid;
}

enum nika_trust_kind cli_trust_kind(const char *text, struct argp_state *state)
{
    if (strcmp(text, "software") == 0) return NIKA_TRUST_SOFTWARE;
    if (strcmp(text, "process") != 0)
        argp_error(state, "--trusted: expected software or process, got \"%s\"", text);
    return NIKA_TRUST_PROCESS;
}

int cli_problems(const struct nika_problems *problems)
{
    uint32_t shown = problems->count < NIKA_PROBLEMS_MAX ? problems->count : NIKA_PROBLEMS_MAX;
    for (uint32_t i = 0; i < shown; i++) fprintf(stderr, "nika: %s\n", problems->lines[i]);
    if (problems->count > shown) fprintf(stderr, "nika: and %u more\n", problems->count - shown);
    return NIKA_EXIT_USAGE;
}

bool cli_node_load(const char *file, struct cli_node *out, struct nika_problems *problems)
{
    memset(out, 0, sizeof *out);
    if (!nika_node_config_load(file, &out->config, problems)) return false;
    out->cluster = nika_cluster_load(out->config.cluster, &cli_cluster_names, problems);
    if (out->cluster == NULL) return false;
    if (out->config.replica >= out->cluster->config.n) {
        nika_problem(problems, file, "replica", "expected 0..%u: the cluster has %u replicas",
                     out->cluster->config.n - 1, out->cluster->config.n);
        return false;
    }
    out->replica_ops = nika_protocol_find(out->cluster->protocol)->replica;
    out->app_ops = cli_live_app(out->cluster->app);
    bool external = out->app_ops == &nika_app_external;
    if (external != (out->config.app_socket[0] != '\0')) {
        nika_problem(problems, file, "application", "%s",
                     external ? "missing; application external needs its socket"
                              : "only application external has one");
        return false;
    }
    bool trusted = out->config.trusted.kind != NIKA_TRUST_NONE;
    if (trusted != out->replica_ops->hybrid) {
        nika_problem(problems, file, "trusted", "%s",
                     trusted ? "only a hybrid protocol has a trusted subsystem"
                             : "missing; this protocol needs one: {\"backend\": \"process\", "
                               "\"socket\": PATH} or {\"backend\": \"software\", \"key\": FILE, "
                               "\"state\": DIR}");
        return false;
    }
    if (!nika_keys_load(out->config.keys, out->config.replica, out->cluster, &out->keys, problems))
        return false;
    out->keyring = nika_keys_ring(&out->keys, out->cluster, out->config.keys, problems);
    return out->keyring != NULL;
}

void cli_node_free(struct cli_node *node)
{
    nika_app_socket_close(node->app_socket);
    nika_keyring_free(node->keyring);
    nika_key_erase(&node->keys, sizeof node->keys);
    nika_cluster_free(node->cluster);
}

static bool attach(void *context, struct nika_app *app)
{
    struct cli_node *node = context;
    node->app_socket = nika_app_socket_open(node->config.app_socket, node->config.app_timeout_ms,
                                            &node->cluster->config, node->log);
    if (node->app_socket == NULL) return false;
    nika_app_external_attach(app, nika_app_socket_port(node->app_socket));
    return true;
}

void cli_node_options(struct cli_node *node, const char *file, struct nika_log *log,
                      struct nika_node_options *out)
{
    bool external = node->app_ops == &nika_app_external;
    node->log = log;
    *out = (struct nika_node_options){.file = file,
                                      .config = &node->config,
                                      .cluster = node->cluster,
                                      .keys = &node->keys,
                                      .keyring = node->keyring,
                                      .log = log,
                                      .replica_ops = node->replica_ops,
                                      .app_ops = node->app_ops,
                                      .attach = external ? attach : NULL,
                                      .attach_context = node,
                                      .version = cli_version_number()};
}
