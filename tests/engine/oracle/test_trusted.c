/* tests/engine/oracle/test_trusted.c: O13: a trusted instance that works is silent, one that was set back raises the TRUST ALARM. */
#include "tests/engine/oracle/fixture.h"

static struct fixture f;

static void certificate(uint32_t instance, enum nika_trusted_kind kind, uint32_t counter,
                        struct nika_trusted_value value, struct nika_trusted_value previous,
                        uint8_t content)
{
    struct nika_digest d = digest_of(content);
    struct nika_trusted_certificate c = {.kind = (uint8_t)kind,
                                         .instance = instance,
                                         .epoch = 1,
                                         .counter = counter,
                                         .value = value,
                                         .previous = previous};
    feed(&f, (struct nika_tap){
                 .kind = NIKA_TAP_TRUSTED, .node = instance, .digest = &d, .certificate = &c});
}
static void independent(uint32_t instance, uint64_t view, uint64_t order, uint8_t content)
{
    certificate(instance, NIKA_TRUSTED_INDEPENDENT, 0, (struct nika_trusted_value){view, order},
                (struct nika_trusted_value){0, 0}, content);
}
static void continuing(uint32_t instance, uint64_t from_view, uint64_t from_order, uint64_t view)
{
    certificate(instance, NIKA_TRUSTED_CONTINUING, 0, (struct nika_trusted_value){view, 0},
                (struct nika_trusted_value){from_view, from_order}, 1);
}

static void test_working_instances_are_silent(void **state)
{
    (void)state;
    fixture_prepare(&f);
    fixture_start(&f);
    for (uint64_t o = 1; o < 500; o++) {
        independent(0, 0, o, 1);
        independent(1, 0, o, (uint8_t)o);
    }
    continuing(0, 0, 499, 1);
    continuing(0, 1, 0, 2);
    continuing(0, 2, 0, 2);
    independent(0, 2, 7, 1); /* A gap hurts only its owner. */
    certificate(0, NIKA_TRUSTED_INDEPENDENT, 1, (struct nika_trusted_value){2, 0},
                (struct nika_trusted_value){0, 0}, 3);
    for (uint32_t i = 0; i < 3; i++) {
        certificate(0, NIKA_TRUSTED_MAC, 0, (struct nika_trusted_value){0, 0},
                    (struct nika_trusted_value){0, 0}, (uint8_t)i);
    }
    assert_int_equal(violations(&f), 0);
    fixture_end(&f);
}

/* Also where the replica itself is Byzantine: it owns no trusted instance. */
static void test_O13_sees_a_second_digest_for_one_value(void **state)
{
    (void)state;
    fixture_prepare(&f);
    f.setup.corrupted[0] = 4;
    f.setup.byzantine_count = 1;
    fixture_start(&f);
    independent(2, 0, 1, 1);
    independent(2, 0, 2, 1);
    assert_int_equal(violations(&f), 0);
    independent(2, 0, 2, 9);
    assert_only(&f, "O13", 2, 2);
    assert_true(nika_oracles_broken(f.oracles));
    const struct nika_violation *v;
    assert_int_equal(nika_oracles_violations(f.oracles, &v), 1);
    assert_non_null(strstr(v[0].sentence, "TRUST ALARM"));
    assert_non_null(strstr(v[0].sentence, "two digests"));
    fixture_end(&f);
}

static void test_O13_sees_a_counter_that_went_back(void **state)
{
    (void)state;
    fixture_prepare(&f);
    fixture_start(&f);
    independent(1, 0, 1, 1);
    independent(1, 3, 1, 1);
    independent(1, 2, 9, 1);
    assert_only(&f, "O13", 1, 9);
    fixture_end(&f);
}

static void test_O13_sees_a_continuing_certificate_that_hides_a_value(void **state)
{
    (void)state;
    fixture_prepare(&f);
    fixture_start(&f);
    independent(3, 0, 5, 1);
    continuing(3, 0, 4, 1);
    assert_only(&f, "O13", 3, 0);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_working_instances_are_silent),
        cmocka_unit_test(test_O13_sees_a_second_digest_for_one_value),
        cmocka_unit_test(test_O13_sees_a_counter_that_went_back),
        cmocka_unit_test(test_O13_sees_a_continuing_certificate_that_hides_a_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
