/* cli/client.h: what `nika client` and its bench share. */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include "cli/history.h"
#include "include/nika/client.h"

#define CLI_CLIENT_PATH_SIZE 512u

struct cli_client_bench {
    const char *config;    /* Cluster file. */
    const char *dir, *key; /* Key file of the only client, or the folder of a test network. */
    uint32_t clients, seconds, payload, read_percent, keys, timeout_ms;
    FILE *history; /* NULL = none. */
    bool json;
};
/* Every client of `b` in a closed loop. Exit code. */
int cli_client_bench(const struct cli_client_bench *b);
/* NULL with every problem on stderr. */
struct nika_client *cli_client_open(const char *config, const char *key);
/* Path of the key file of client I of a test network. */
void cli_client_key(const char *dir, uint32_t client, char out[CLI_CLIENT_PATH_SIZE]);
/* ", no connection to replica 0, 3 (...)" and an end of line on stderr. */
void cli_client_unreachable(const struct nika_client *client);

#endif
