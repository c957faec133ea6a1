/* tests/faults/test_registry.c: every registered fault is documented, named once, and has parameters that make sense. */
#include "faults/registry.h"
#include "tests/support/test.h"

static void test_every_name_is_found_and_unique(void **state)
{
    (void)state;
    assert_true(nika_fault_count > 0);
    for (uint32_t i = 0; i < nika_fault_count; i++) {
        assert_ptr_equal(nika_fault_find(nika_fault_list[i]->name), nika_fault_list[i]);
    }
    assert_null(nika_fault_find("no-such-fault"));
}

static void test_every_fault_has_a_sentence_and_a_hook(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < nika_fault_count; i++) {
        const struct nika_fault_ops *ops = nika_fault_list[i];
        assert_non_null(ops->doc);
        assert_true(strlen(ops->doc) > 10);
        assert_int_equal(ops->doc[strlen(ops->doc) - 1], '.');
        assert_true(ops->start != NULL || ops->on_send != NULL || ops->on_link != NULL ||
                    ops->on_receive != NULL || ops->on_disk != NULL || ops->on_tear != NULL ||
                    ops->on_trusted != NULL);
        bool acts_on_messages = ops->on_send != NULL || ops->on_receive != NULL;
        if (acts_on_messages) assert_true(ops->fault_class >= NIKA_FAULT_BYZANTINE);
    }
}

static void test_every_parameter_has_a_possible_default(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < nika_fault_count; i++) {
        const struct nika_fault_ops *ops = nika_fault_list[i];
        assert_true(ops->param_count <= NIKA_FAULT_PARAMS_MAX);
        for (uint32_t k = 0; k < ops->param_count; k++) {
            const struct nika_fault_param *p = &ops->params[k];
            assert_non_null(p->name);
            assert_non_null(p->doc);
            assert_true(p->low <= p->fallback && p->fallback <= p->high);
            assert_true(p->low < p->high);
            for (uint32_t j = 0; j < k; j++) assert_string_not_equal(p->name, ops->params[j].name);
            if (p->names == NULL) continue;
            uint64_t count = 0;
            while (p->names[count] != NULL) count++;
            assert_int_equal(p->low, 0);
            assert_int_equal(p->high, count - 1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_name_is_found_and_unique),
        cmocka_unit_test(test_every_fault_has_a_sentence_and_a_hook),
        cmocka_unit_test(test_every_parameter_has_a_possible_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
