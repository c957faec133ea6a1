/* Tests scenarios/schema.c and schema_json.c: the checked-in JSON Schema is what the table says. */
#include "tests/support/test.h"

#include "scenarios/scenario.h"

static void test_the_checked_in_schema_equals_the_table(void **state)
{
    (void)state;
    char *text = nika_schema_json();
    assert_non_null(text);
    FILE *file = fopen("scenarios/schema.json", "rb");
    assert_non_null(file);
    size_t capacity = strlen(text) + 16;
    char *stored = calloc(capacity, 1);
    size_t size = fread(stored, 1, capacity - 1, file);
    fclose(file);
    assert_int_equal(size, strlen(text) + 1);
    assert_memory_equal(stored, text, strlen(text));
    free(stored);
    free(text);
}

static void test_every_default_is_allowed(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < NIKA_KEY_COUNT; i++) {
        const struct nika_schema_key *key = &nika_schema[i];
        if (key->kind == NIKA_KIND_NAME) {
            assert_non_null(key->names((uint32_t)key->fallback));
        } else {
            assert_in_range(key->fallback, key->low, key->high);
        }
        assert_true(strlen(key->doc) > 3);
    }
}

static void test_keys_are_unique_and_found(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < NIKA_KEY_COUNT; i++) {
        assert_int_equal(nika_schema_find(nika_schema[i].section, nika_schema[i].key), i);
    }
    assert_int_equal(nika_schema_find("cluster", "loss_ppm"), NIKA_KEY_COUNT);
    assert_true(nika_schema_is_section("network.latency_us"));
    assert_false(nika_schema_is_section("network.latency"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_checked_in_schema_equals_the_table),
        cmocka_unit_test(test_every_default_is_allowed),
        cmocka_unit_test(test_keys_are_unique_and_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
