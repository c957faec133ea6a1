/* tests/protocols/pbft/test_describe.c: what observers are told about frames and records, and the state hash. */
#include "tests/protocols/pbft/fixture.h"

static void describe_frame(const struct cluster_bytes *frame, struct nika_summary *out)
{
    struct nika_frame parsed;
    assert_int_equal(nika_frame_parse(cluster_span(*frame), 0, NIKA_MESSAGE_SIZE_MAX, &parsed),
                     NIKA_OK);
    nika_replica_pbft.describe(parsed.type, parsed.body, out);
}

static void test_votes_and_checkpoints_say_view_number_and_digest(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_summary s;
    struct nika_digest d = fixture_order(&f, 3);
    describe_frame(&f.node->last[PBFT_TYPE_prepare], &s);
    assert_int_equal(s.message_class, NIKA_MESSAGE_PREPARE);
    assert_int_equal(s.seq, 3);
    assert_true(s.has_digest);
    assert_memory_equal(&s.digest, &d, sizeof d);
    struct pbft_checkpoint m = {.seq = 8, .digest = fixture_digest(4)};
    struct cluster_bytes frame = cluster_frame(f.c, 2, 0, &pbft_info_checkpoint, &m);
    describe_frame(&frame, &s);
    assert_int_equal(s.message_class, NIKA_MESSAGE_CHECKPOINT);
    assert_int_equal(s.seq, 8);
    assert_memory_equal(&s.digest, &m.digest, sizeof m.digest);
    free(frame.data);
    fixture_free(&f);
}

static void test_records_say_what_they_make_durable(void **state)
{
    (void)state;
    struct fixture f = fixture_new(1);
    struct nika_summary s;
    struct nika_digest d = fixture_order(&f, 1);
    fixture_prepare(&f, 2, 0, 1, &d);
    bool proposal = false, prepared = false;
    for (uint32_t i = 0; i < f.node->log_count; i++) {
        nika_replica_pbft.describe_record(f.node->log[i].kind, cluster_span(f.node->log[i].bytes),
                                          &s);
        assert_int_equal(s.seq, 1);
        assert_memory_equal(&s.digest, &d, sizeof d);
        proposal |= s.message_class == NIKA_MESSAGE_PROPOSE;
        prepared |= s.message_class == NIKA_MESSAGE_PREPARE;
    }
    assert_true(proposal && prepared);
    fixture_free(&f);
}

static void test_any_bytes_can_be_described(void **state)
{
    (void)state;
    uint8_t bytes[80];
    struct nika_summary s;
    memset(bytes, 0xff, sizeof bytes);
    for (uint32_t type = 0; type < 256; type++) {
        for (uint32_t size = 0; size <= sizeof bytes; size += 5) {
            nika_replica_pbft.describe((uint8_t)type, (struct nika_span){bytes, size}, &s);
            nika_replica_pbft.describe_record(type, (struct nika_span){bytes, size}, &s);
            if (type == PBFT_TYPE_prepare && size != PBFT_ORDER_SIZE) assert_false(s.has_digest);
        }
    }
}

static void test_the_state_hash_tells_a_vote_and_is_repeatable(void **state)
{
    (void)state;
    struct fixture a = fixture_new(1), b = fixture_new(1);
    struct nika_digest d = fixture_digest(1), first, second;
    nika_replica_pbft.digest(fixture_replica(&a), &first);
    nika_replica_pbft.digest(fixture_replica(&b), &second);
    assert_memory_equal(&first, &second, sizeof first);
    fixture_prepare(&a, 2, 0, 1, &d);
    nika_replica_pbft.digest(fixture_replica(&a), &first);
    assert_memory_not_equal(&first, &second, sizeof first);
    fixture_prepare(&b, 2, 0, 1, &d);
    nika_replica_pbft.digest(fixture_replica(&b), &second);
    assert_memory_equal(&first, &second, sizeof first);
    fixture_free(&a);
    fixture_free(&b);
}

static void test_a_cluster_too_small_for_its_faults_is_refused(void **state)
{
    (void)state;
    struct nika_config config;
    nika_config_default(&config);
    assert_null(nika_replica_pbft.check(&config));
    config.n = 3;
    assert_non_null(nika_replica_pbft.check(&config));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_votes_and_checkpoints_say_view_number_and_digest),
        cmocka_unit_test(test_records_say_what_they_make_durable),
        cmocka_unit_test(test_any_bytes_can_be_described),
        cmocka_unit_test(test_the_state_hash_tells_a_vote_and_is_repeatable),
        cmocka_unit_test(test_a_cluster_too_small_for_its_faults_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
