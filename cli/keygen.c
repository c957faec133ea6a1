/* cli/keygen.c: `nika keygen`: the keys of one member of a cluster. */
#include <stdlib.h>

#include "cli/live.h"

enum { OPTION_NODE = 256, OPTION_SUITE, OPTION_OUT, OPTION_GROUP };

struct arguments {
    uint32_t node;
    const char *out, *group;
    enum nika_suite suite;
};

static const struct argp_option options[] = {
    {"node", OPTION_NODE, "ROLE:ID", 0, "whose keys: replica:0, client:3", 0},
    {"suite", OPTION_SUITE, "NAME", 0, "ed25519 (default), ecdsa-p256, rsa-2048 or hmac", 0},
    {"out", OPTION_OUT, "FILE", 0, "key file to make, mode 0600; never overwritten", 0},
    {"group", OPTION_GROUP, "KEYFILE", 0,
     "suite hmac: take the secret of the group from this key file (default: a new one)", 0},
    {0}};

static uint32_t parse_node(const char *text, struct argp_state *state)
{
    if (strncmp(text, "replica:", 8) == 0)
        return (uint32_t)cli_number(text + 8, "--node", 0, NIKA_REPLICAS_MAX - 1, state);
    if (strncmp(text, "client:", 7) == 0)
        return nika_client_node(
            (uint32_t)cli_number(text + 7, "--node", 0, NIKA_CLIENTS_MAX - 1, state));
    argp_error(state, "--node: expected replica:ID or client:ID, got \"%s\"", text);
    return NIKA_NODE_NONE;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case OPTION_NODE:
        a->node = parse_node(text, state);
        return 0;
    case OPTION_SUITE:
        a->suite = nika_suite_parse(text);
        if (a->suite == NIKA_SUITE_NONE || a->suite == NIKA_SUITE_SIM)
            argp_error(state,
                       "--suite: expected ed25519, ecdsa-p256, rsa-2048 or hmac, got \"%s\"%s",
                       text, cli_did_you_mean(text, cli_suite_at, NULL));
        return 0;
    case OPTION_OUT:
        a->out = text;
        return 0;
    case OPTION_GROUP:
        a->group = text;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "unexpected \"%s\"", text);
        return 0;
    case ARGP_KEY_END:
        if (a->node == NIKA_NODE_NONE) argp_error(state, "whose keys? (--node replica:0)");
        if (a->out == NULL) argp_error(state, "where to? (--out FILE)");
        if (a->group != NULL && a->suite != NIKA_SUITE_HMAC)
            argp_error(state, "--group: only suite hmac has a secret of the group");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    options,
    parse,
    "--node ROLE:ID --out FILE",
    "Make the keys of one member of a cluster: the secrets into a file that its owner alone can "
    "read, the public half as JSON on standard output, for the cluster file.\v"
    "  nika keygen --node replica:0 --out replica-0.key >replica-0.public.json",
    NULL,
    NULL,
    NULL};

static int run(int argc, char **argv)
{
    struct arguments a = {.node = NIKA_NODE_NONE, .suite = NIKA_SUITE_ED25519};
    static struct nika_problems problems;
    static struct nika_node_keys other;
    struct nika_key group;
    cli_parse(&argp, argc, argv, &a);
    nika_random_bytes(&group, sizeof group);
    if (a.group != NULL) {
        if (!nika_keys_load(a.group, 0, NULL, &other, &problems)) return cli_problems(&problems);
        if (other.suite != NIKA_SUITE_HMAC) {
            fprintf(stderr, "nika: %s: keys of suite %s; expected hmac\n", a.group,
                    nika_suite_name(other.suite));
            return NIKA_EXIT_USAGE;
        }
        group = other.group;
        nika_key_erase(&other, sizeof other);
    }
    json_t *member = nika_keys_write(a.out, a.node, a.suite,
                                     a.suite == NIKA_SUITE_HMAC ? &group : NULL, &problems);
    nika_key_erase(&group, sizeof group);
    if (member == NULL) return cli_problems(&problems);
    char *text = json_dumps(member, JSON_INDENT(2));
    printf("%s\n", text != NULL ? text : "{}");
    free(text);
    json_decref(member);
    return 0;
}

const struct cli_command cli_keygen = {
    "keygen",
    "--node ROLE:ID --out FILE",
    "make the keys of a member of a live cluster",
    "Makes identity, exchange and signing keys from the random bytes of the system.",
    &argp,
    run};
