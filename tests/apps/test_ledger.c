/* tests/apps/test_ledger.c: money moves only by its owner's order, and never comes or goes. */
#include "tests/apps/app_fixture.h"

#include "apps/ledger.h"

struct answer {
    uint8_t status;
    uint64_t balance;
};

static struct answer ask(struct app_fixture *f, uint32_t client, struct nika_ledger_op op)
{
    uint8_t bytes[32], reply[256];
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    nika_ledger_write(&w, &op);
    assert_int_equal(app_run(f, client, (struct nika_span){bytes, w.at}, reply),
                     NIKA_LEDGER_REPLY_SIZE);
    return (struct answer){reply[0], nika_load_le(reply + 1, 8)};
}
static struct nika_ledger_op pay(uint32_t from, uint32_t to, uint64_t amount)
{
    return (struct nika_ledger_op){
        .kind = NIKA_LEDGER_TRANSFER, .from = from, .to = to, .amount = amount};
}
static uint64_t balance(struct app_fixture *f, uint32_t account)
{
    struct answer a =
        ask(f, 0, (struct nika_ledger_op){.kind = NIKA_LEDGER_BALANCE, .from = account});
    assert_int_equal(a.status, NIKA_LEDGER_OK);
    return a.balance;
}

static void test_owner_pays_and_nobody_else_can(void **state)
{
    (void)state;
    struct app_fixture f = app_open(&nika_app_ledger, 512, 3, 0);
    assert_int_equal(ask(&f, 1, pay(4, 2, 300)).status, NIKA_LEDGER_OK); /* 4 mod 3 = 1 */
    assert_int_equal(balance(&f, 4), 700);
    assert_int_equal(balance(&f, 2), 1300);
    assert_int_equal(ask(&f, 0, pay(4, 2, 300)).status, NIKA_LEDGER_NOT_OWNER);
    assert_int_equal(ask(&f, 2, pay(4, 2, 300)).status, NIKA_LEDGER_NOT_OWNER);
    assert_int_equal(balance(&f, 4), 700);
    app_close(&f);
}

static void test_overdraft_and_unknown_accounts_are_refused(void **state)
{
    (void)state;
    struct app_fixture f = app_open(&nika_app_ledger, 512, 1, 0);
    assert_int_equal(ask(&f, 0, pay(0, 1, 1001)).status, NIKA_LEDGER_OVERDRAFT);
    assert_int_equal(ask(&f, 0, pay(0, 1, UINT64_MAX)).status, NIKA_LEDGER_OVERDRAFT);
    assert_int_equal(ask(&f, 0, pay(0, 1, 1000)).status, NIKA_LEDGER_OK);
    assert_int_equal(balance(&f, 0), 0);
    assert_int_equal(ask(&f, 0, pay(16, 1, 1)).status, NIKA_LEDGER_NO_ACCOUNT);
    assert_int_equal(ask(&f, 0, pay(1, 16, 1)).status, NIKA_LEDGER_NO_ACCOUNT);
    assert_int_equal(ask(&f, 0, pay(15, 1, 1)).status, NIKA_LEDGER_OK);
    app_close(&f);
}

static void test_paying_oneself_changes_nothing(void **state)
{
    (void)state;
    struct app_fixture f = app_open(&nika_app_ledger, 512, 1, 0);
    assert_int_equal(ask(&f, 0, pay(3, 3, 400)).balance, 1000);
    assert_null(f.ops->invariant(f.app));
    app_close(&f);
}

/* A state in which money was made is restored without complaint (its root is right), and the invariant says so. */
static void sum_alarm(uint64_t accounts)
{
    struct app_fixture f = app_open(&nika_app_ledger, 65536, 1, accounts);
    uint8_t bytes[40000];
    for (uint64_t made = 0; made < 2; made++) {
        struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
        nika_write_u32(&w, (uint32_t)accounts);
        for (uint64_t i = 0; i < accounts; i++)
            nika_write_u64(&w, NIKA_LEDGER_BALANCE_START + (i == 1 ? made : 0));
        struct nika_snapshot_meta meta = {.seq = 8, .chunk_count = 1, .total_size = w.at}, out;
        nika_merkle_leaf(0, (struct nika_span){bytes, w.at}, &meta.root);
        assert_int_equal(f.ops->restore_begin(f.app, &meta), NIKA_OK);
        assert_int_equal(f.ops->restore_chunk(f.app, 0, (struct nika_span){bytes, w.at}), NIKA_OK);
        assert_int_equal(f.ops->restore_end(f.app, &out), NIKA_OK);
        assert_int_equal(f.ops->invariant(f.app) != NULL, made == 1);
    }
    app_close(&f);
}
static void test_invariant_fails_when_money_was_made(void **state)
{
    (void)state;
    sum_alarm(16);
    sum_alarm(NIKA_LEDGER_ACCOUNTS_MAX);
}

static void test_large_ledger_spans_chunks_and_is_bounded(void **state)
{
    (void)state;
    struct app_fixture a = app_open(&nika_app_ledger, 512, 2, 1000000),
                       b = app_open(&nika_app_ledger, 512, 2, 1000000);
    struct nika_snapshot_meta meta, out;
    assert_true(a.ops->used(a.app) == a.ops->size(&a.config));
    assert_int_equal(ask(&a, 1, pay(4095, 0, 5)).status, NIKA_LEDGER_OK);
    assert_int_equal(ask(&a, 0, pay(4096, 0, 5)).status, NIKA_LEDGER_NO_ACCOUNT);
    a.ops->snapshot_take(a.app, 8, &meta);
    assert_int_equal(meta.chunk_count, (4 + 8 * 4096 + 511) / 512);
    assert_int_equal(app_copy(&a, &b, &meta, true, &out), NIKA_OK);
    assert_int_equal(balance(&b, 4095), 995);
    app_close(&a), app_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_owner_pays_and_nobody_else_can),
        cmocka_unit_test(test_overdraft_and_unknown_accounts_are_refused),
        cmocka_unit_test(test_paying_oneself_changes_nothing),
        cmocka_unit_test(test_invariant_fails_when_money_was_made),
        cmocka_unit_test(test_large_ledger_spans_chunks_and_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
