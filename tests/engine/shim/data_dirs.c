/* tests/engine/shim/data_dirs.c: makes real data directories for the tests of `nika inspect`: runs four replicas for a while, and prints
 * the folder in which theirs are (node-0 to node-3). Usage: data_dirs [SEED] */
#include "tests/engine/shim/durable_cluster.h"
#include "tests/support/test.h"

int main(int argc, char **argv)
{
    struct durable_cluster *c = durable_new(argc > 1 ? (uint64_t)strtoul(argv[1], NULL, 10) : 1);
    (void)durable_run(c, 45, false);
    /* A view change, so that there are certificates and views to show. */
    durable_kill(c, 0, CRASH_POWER);
    (void)durable_run(c, 15, false);
    durable_start(c, 0, NIKA_DISK_STORE_INTACT);
    (void)durable_run(c, 11, false);
    printf("%s\n", c->path);
    durable_free(c, true);
    return 0;
}
