/* A configuration is sealed only inside its ranges, and its identity covers every field. */
#include "engine/core/config.h"
#include "tests/support/test.h"

static void test_the_default_seals(void **state)
{
    (void)state;
    struct nika_config config;
    const char *reason = "unset";
    nika_config_default(&config);
    assert_true(nika_digest_is_null(&config.group_id));
    assert_int_equal(nika_config_seal(&config, &reason), NIKA_OK);
    assert_null(reason);
    assert_false(nika_digest_is_null(&config.group_id));
    assert_int_equal(config.n, 4);
    assert_int_equal(config.window, 32);
}

/* clang-format off */
/* One field each: an allowed other value, and a forbidden one (0 = any value is allowed). */
#define FIELDS(X) \
    X(protocol, 1, 0) \
    X(n, 5, 129) \
    X(f, 2, 4) \
    X(pillars, 2, 9) \
    X(clients, 9, 4097) \
    X(epoch, 1, 0) \
    X(suite, NIKA_SUITE_SIM, 6) \
    X(checkpoint_interval, 16, 5) \
    X(window, 40, 8) \
    X(pipeline, 1, 33) \
    X(batch_count_max, 1, 1025) \
    X(batch_bytes_max, 65536, 262145) \
    X(op_size_max, 1, 65537) \
    X(reply_size_max, 1, 65537) \
    X(pending_max, 1, 4097) \
    X(chunk_size, 64, 63) \
    X(snapshot_size_max, 4096, 4095) \
    X(store_bytes, 1 << 20, 1024) \
    X(read_only, true, 0) \
    X(backoff_max, 16, 17) \
    X(batch_ns, 1, UINT64_MAX) \
    X(request_ns, 1, UINT64_MAX) \
    X(status_ns, 1, UINT64_MAX) \
    X(retransmit_ns, 1, UINT64_MAX) \
    X(fetch_ns, 1, UINT64_MAX) \
    X(lag_ns, 1, UINT64_MAX) \
    X(client_ns, 1, UINT64_MAX) \
    X(time_skew_ns, 1, UINT64_MAX) \
    X(pace_ns, 1, UINT64_MAX)
/* clang-format on */

static void test_every_field_is_part_of_the_group_id(void **state)
{
    (void)state;
    struct nika_config base, other;
    nika_config_default(&base);
    assert_int_equal(nika_config_seal(&base, NULL), NIKA_OK);
#define CHECK_GOOD(field, good, bad)                                                               \
    nika_config_default(&other);                                                                   \
    other.field = good;                                                                            \
    assert_int_equal(nika_config_seal(&other, NULL), NIKA_OK);                                     \
    assert_false(nika_digest_equal(&base.group_id, &other.group_id));
    FIELDS(CHECK_GOOD)
    nika_config_default(&other);
    assert_int_equal(nika_config_seal(&other, NULL), NIKA_OK);
    assert_true(nika_digest_equal(&base.group_id, &other.group_id));
}

static void test_every_bad_field_has_a_reason(void **state)
{
    (void)state;
    struct nika_config other;
    const char *reason;
#define CHECK_BAD(field, good, bad)                                                                \
    if ((uint64_t)(bad) != 0) {                                                                    \
        nika_config_default(&other);                                                               \
        other.field = bad;                                                                         \
        reason = NULL;                                                                             \
        assert_int_equal(nika_config_seal(&other, &reason), NIKA_ERR_CONFIG);                      \
        assert_non_null(reason);                                                                   \
        assert_true(nika_digest_is_null(&other.group_id));                                         \
    }
    FIELDS(CHECK_BAD)
}

static void test_zero_is_refused_where_it_means_nothing(void **state)
{
    (void)state;
    struct nika_config config;
    memset(&config, 0, sizeof config);
    assert_int_equal(nika_config_seal(&config, NULL), NIKA_ERR_CONFIG);
    nika_config_default(&config);
    config.request_ns = 0;
    assert_int_equal(nika_config_seal(&config, NULL), NIKA_ERR_CONFIG);
    nika_config_default(&config);
    config.batch_ns = 0; /* Cut at once. */
    config.f = 0;
    assert_int_equal(nika_config_seal(&config, NULL), NIKA_OK);
}

static void test_a_window_has_at_most_as_many_checkpoints_as_snapshots_are_kept(void **state)
{
    (void)state;
    struct nika_config config;
    const char *reason = NULL;
    nika_config_default(&config);
    config.checkpoint_interval = 4;
    config.window = 32;
    assert_int_equal(nika_config_seal(&config, &reason), NIKA_OK);
    assert_int_equal(nika_config_snapshots(&config), NIKA_SNAPSHOTS_MAX);
    config.window = 36;
    assert_int_equal(nika_config_seal(&config, &reason), NIKA_ERR_CONFIG);
    assert_string_equal(reason, "window must be at most 8 checkpoint intervals");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_default_seals),
        cmocka_unit_test(test_every_field_is_part_of_the_group_id),
        cmocka_unit_test(test_every_bad_field_has_a_reason),
        cmocka_unit_test(test_a_window_has_at_most_as_many_checkpoints_as_snapshots_are_kept),
        cmocka_unit_test(test_zero_is_refused_where_it_means_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
