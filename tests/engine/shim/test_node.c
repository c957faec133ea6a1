/* tests/engine/shim/test_node.c: real PBFT replicas on real directories: killed in any call of the disk they forget no vote, contradict
 * none, and the cluster goes on; a replica that lost its log does not vote until it has caught up. */
#include <fcntl.h>
#include <unistd.h>

#include "engine/shim/journal_format.h"
#include "tests/engine/shim/durable_cluster.h"
#include "tests/support/test.h"

static void test_runs_and_recovers(void **state)
{
    (void)state;
    struct durable_cluster *c = durable_new(1);
    assert_int_equal(durable_run(c, 150, false), 0);
    durable_check_equal(c);
    for (uint32_t i = 0; i < DURABLE_REPLICAS; i++) {
        durable_kill(c, i, CRASH_POWER);
        durable_start(c, i, NIKA_DISK_STORE_INTACT);
        assert_true(c->nodes[i].recovered.count > 3);
    }
    assert_int_equal(durable_run(c, 50, false), 0);
    durable_check_equal(c);
    durable_free(c, false);
}

/* Power fails for all at once: everything must come from the disks. */
static void test_power_failure_of_all(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct durable_cluster *c = durable_new(seed);
        for (uint32_t round = 0; round < 3; round++) {
            (void)durable_run(c, 10 + seed * 3, false);
            for (uint32_t i = 0; i < DURABLE_REPLICAS; i++)
                durable_kill(c, i, (enum crash_kind)((seed + i + round) % CRASH_KINDS));
            for (uint32_t i = 0; i < DURABLE_REPLICAS; i++)
                durable_start(c, i, NIKA_DISK_STORE_INTACT);
        }
        (void)durable_run(c, 10, false);
        durable_check_equal(c);
        durable_free(c, false);
    }
}

static void test_kills_under_load(void **state)
{
    (void)state;
    uint32_t killed = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct durable_cluster *c = durable_new(seed);
        killed += durable_run(c, 300, true);
        (void)durable_run(c, 5, false);
        durable_check_equal(c);
        durable_free(c, false);
    }
    if (killed < 100) print_error("only %u killed\n", killed);
    assert_true(killed >= 100);
}

/* A flipped bit in what was acknowledged, then a lost log beside the identity: amnesia, said so, no contradiction, and the cluster
 * goes on with the other three. */
static void test_damaged_log_is_survived(void **state)
{
    (void)state;
    for (uint32_t how = 0; how < 2; how++) {
        struct durable_cluster *c = durable_new(3);
        struct nika_journal_mark mark;
        char name[96];
        uint8_t bytes[NIKA_MARK_SECTOR];
        (void)durable_run(c, 60, false);
        durable_kill(c, 1, CRASH_KILL);
        struct nika_files files = disk_faults_files(c->nodes[1].faults);
        uint32_t got;
        assert_int_equal(nika_file_read_part(&files, "mark", 0, bytes, sizeof bytes, &got), 0);
        assert_int_equal(nika_mark_read((struct nika_span){bytes, got}, &mark), NIKA_OK);
        snprintf(name, sizeof name, "log-%010llu", (unsigned long long)mark.segment);
        if (how == 0) {
            int file = openat(files.dir, name, O_RDWR);
            uint8_t byte = 0xa5;
            assert_int_equal(pwrite(file, &byte, 1, mark.offset / 2), 1);
            close(file);
        } else {
            assert_int_equal(unlinkat(files.dir, name, 0), 0);
        }
        durable_start(c, 1, NIKA_DISK_STORE_CORRUPT);
        (void)durable_run(c, 120, false);
        durable_check_equal(c);
        /* It has caught up with a checkpoint far beyond, so it may remember again; from then on it is as any other. */
        assert_int_equal(nika_disk_store_remember(c->nodes[1].store), NIKA_OK);
        durable_kill(c, 1, CRASH_POWER);
        durable_start(c, 1, NIKA_DISK_STORE_INTACT);
        (void)durable_run(c, 20, false);
        durable_check_equal(c);
        durable_free(c, false);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_and_recovers),
        cmocka_unit_test(test_power_failure_of_all),
        cmocka_unit_test(test_kills_under_load),
        cmocka_unit_test(test_damaged_log_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
