/* apps/ledger.c: accounts whose sum never changes. Only the client that owns an account spends from it, so an operation that executes
 * twice, under another client's name, or on one replica only, moves money that must not move. */
#include "apps/ledger.h"

#include "apps/flat.h"
#include "apps/registry.h"
#include "engine/core/assert.h"

#define LEDGER_RECOUNT_MAX                                                                         \
    64u /* Up to here the invariant recounts every account; beyond it relies on the running sum. */

/* Balances are kept as differences from the start balance (modulo 2^64), so that zeroed memory is the initial state. */
struct nika_app {
    uint32_t accounts, clients;
    uint64_t sum; /* Of all differences; follows from every single change. */
    size_t used;
    uint64_t *differences;
    uint8_t *encoded; /* Scratch for one serialised state: accounts u32 | balance u64 each. */
    struct nika_flat flat;
};

static size_t round16(size_t size)
{
    return (size + 15u) & ~(size_t)15u;
}

static uint32_t state_size(uint32_t accounts)
{
    return 4u + 8u * accounts;
}

static size_t size_for(uint32_t accounts, const struct nika_config *config)
{
    return round16(sizeof(struct nika_app)) + round16(8u * (size_t)accounts) +
           round16(state_size(accounts)) + nika_flat_size(state_size(accounts), config);
}

static size_t ledger_size(const struct nika_config *config)
{
    return size_for(NIKA_LEDGER_ACCOUNTS_MAX, config);
}

static size_t ledger_used(const struct nika_app *app)
{
    return app->used;
}

static struct nika_app *ledger_init(void *memory, const struct nika_config *config, uint64_t param)
{
    struct nika_app *app = memory;
    uint8_t *at = (uint8_t *)memory + round16(sizeof *app);
    if (param == 0) param = NIKA_LEDGER_ACCOUNTS_DEFAULT;
    app->accounts = param < NIKA_LEDGER_ACCOUNTS_MAX ? (uint32_t)param : NIKA_LEDGER_ACCOUNTS_MAX;
    app->clients = config->clients > 0 ? config->clients : 1;
    app->used = size_for(app->accounts, config);
    app->differences = (uint64_t *)(void *)at;
    at += round16(8u * (size_t)app->accounts);
    app->encoded = at;
    at += round16(state_size(app->accounts));
    nika_flat_init(&app->flat, state_size(app->accounts), config, at);
    return app;
}

static uint64_t balance_of(const struct nika_app *app, uint32_t account)
{
    return app->differences[account] + NIKA_LEDGER_BALANCE_START;
}

/* The only way to change a balance: the running sum sees every change by itself, so money made by one half of a transfer shows. */
static void balance_set(struct nika_app *app, uint32_t account, uint64_t balance)
{
    app->sum += balance - balance_of(app, account);
    app->differences[account] = balance - NIKA_LEDGER_BALANCE_START;
}

void nika_ledger_write(struct nika_writer *w, const struct nika_ledger_op *op)
{
    nika_write_u8(w, (uint8_t)op->kind);
    nika_write_u32(w, op->from);
    if (op->kind == NIKA_LEDGER_BALANCE) return;
    nika_write_u32(w, op->to);
    nika_write_u64(w, op->amount);
}

enum nika_err nika_ledger_parse(struct nika_span bytes, struct nika_ledger_op *out)
{
    struct nika_reader r = nika_reader_of(bytes);
    memset(out, 0, sizeof *out);
    uint8_t kind = nika_read_u8(&r);
    if (kind != NIKA_LEDGER_TRANSFER && kind != NIKA_LEDGER_BALANCE) return NIKA_ERR_MALFORMED;
    out->kind = (enum nika_ledger_kind)kind;
    out->from = nika_read_u32(&r);
    if (out->kind == NIKA_LEDGER_TRANSFER) {
        out->to = nika_read_u32(&r);
        out->amount = nika_read_u64(&r);
    }
    return nika_reader_done(&r) ? NIKA_OK : NIKA_ERR_MALFORMED;
}

static uint32_t reply_with(enum nika_ledger_status status, uint64_t balance, uint8_t *reply,
                           uint32_t reply_max)
{
    struct nika_writer w = nika_writer_of(reply, reply_max);
    nika_write_u8(&w, (uint8_t)status);
    nika_write_u64(&w, balance);
    return w.failed ? 0 : w.at;
}

static enum nika_ledger_status transfer(struct nika_app *app, uint32_t client,
                                        const struct nika_ledger_op *op)
{
    if (op->from >= app->accounts || op->to >= app->accounts) return NIKA_LEDGER_NO_ACCOUNT;
    if (op->from % app->clients != client) return NIKA_LEDGER_NOT_OWNER;
    if (balance_of(app, op->from) < op->amount) return NIKA_LEDGER_OVERDRAFT;
    /* Debit first, then read `to` again: a transfer to oneself must end where it began. */
    balance_set(app, op->from, balance_of(app, op->from) - op->amount);
    balance_set(app, op->to, balance_of(app, op->to) + op->amount);
    return NIKA_LEDGER_OK;
}

static uint32_t balance_reply(const struct nika_app *app, uint32_t account, uint8_t *reply,
                              uint32_t reply_max)
{
    if (account >= app->accounts) return reply_with(NIKA_LEDGER_NO_ACCOUNT, 0, reply, reply_max);
    return reply_with(NIKA_LEDGER_OK, balance_of(app, account), reply, reply_max);
}

static uint32_t ledger_execute(struct nika_app *app, const struct nika_op *op, uint64_t time_ns,
                               uint8_t *reply, uint32_t reply_max)
{
    (void)time_ns;
    struct nika_ledger_op parsed;
    if (nika_ledger_parse(op->bytes, &parsed) != NIKA_OK)
        return reply_with(NIKA_LEDGER_BAD, 0, reply, reply_max);
    if (parsed.kind == NIKA_LEDGER_BALANCE)
        return balance_reply(app, parsed.from, reply, reply_max);
    enum nika_ledger_status status = transfer(app, op->client, &parsed);
    bool told = status == NIKA_LEDGER_OK || status == NIKA_LEDGER_OVERDRAFT;
    return reply_with(status, told ? balance_of(app, parsed.from) : 0, reply, reply_max);
}

static bool ledger_is_read_only(struct nika_span bytes)
{
    struct nika_ledger_op op;
    return nika_ledger_parse(bytes, &op) == NIKA_OK && op.kind == NIKA_LEDGER_BALANCE;
}

static uint32_t ledger_query(const struct nika_app *app, const struct nika_op *op, uint8_t *reply,
                             uint32_t reply_max)
{
    struct nika_ledger_op parsed;
    if (nika_ledger_parse(op->bytes, &parsed) != NIKA_OK)
        return reply_with(NIKA_LEDGER_BAD, 0, reply, reply_max);
    if (parsed.kind != NIKA_LEDGER_BALANCE)
        return reply_with(NIKA_LEDGER_NOT_READ_ONLY, 0, reply, reply_max);
    return balance_reply(app, parsed.from, reply, reply_max);
}

static void ledger_snapshot_take(struct nika_app *app, uint64_t seq, struct nika_snapshot_meta *out)
{
    struct nika_writer w = nika_writer_of(app->encoded, state_size(app->accounts));
    nika_write_u32(&w, app->accounts);
    for (uint32_t i = 0; i < app->accounts; i++) nika_write_u64(&w, balance_of(app, i));
    NIKA_ASSERT(!w.failed);
    nika_flat_take(&app->flat, seq, (struct nika_span){app->encoded, w.at}, out);
}

static enum nika_err ledger_snapshot_chunk(const struct nika_app *app, uint64_t seq, uint32_t index,
                                           uint8_t *out, uint32_t *size,
                                           struct nika_merkle_proof *proof)
{
    return nika_flat_chunk(&app->flat, seq, index, out, size, proof);
}

static void ledger_snapshot_drop(struct nika_app *app, uint64_t before_seq)
{
    nika_flat_drop(&app->flat, before_seq);
}

static enum nika_err ledger_restore_begin(struct nika_app *app,
                                          const struct nika_snapshot_meta *meta)
{
    memset(app->differences, 0, 8u * (size_t)app->accounts);
    app->sum = 0;
    return nika_flat_restore_begin(&app->flat, meta);
}

static enum nika_err ledger_restore_chunk(struct nika_app *app, uint32_t index,
                                          struct nika_span chunk)
{
    return nika_flat_restore_chunk(&app->flat, index, chunk);
}

static enum nika_err ledger_restore_end(struct nika_app *app, struct nika_snapshot_meta *out)
{
    struct nika_span state;
    enum nika_err err = nika_flat_restore_end(&app->flat, &state);
    if (err != NIKA_OK) return err;
    struct nika_reader r = nika_reader_of(state);
    if (state.size != state_size(app->accounts) || nika_read_u32(&r) != app->accounts)
        return NIKA_ERR_MALFORMED;
    for (uint32_t i = 0; i < app->accounts; i++) balance_set(app, i, nika_read_u64(&r));
    ledger_snapshot_take(app, app->flat.target.seq, out);
    return NIKA_OK;
}

static uint32_t ledger_workload_op(uint64_t draw0, uint64_t draw1, uint32_t client, uint64_t k,
                                   uint32_t payload, uint32_t read_ppm, uint64_t param, uint8_t *op,
                                   uint32_t capacity, bool *read_only)
{
    (void)k;
    (void)payload;
    uint64_t accounts = param == 0 ? NIKA_LEDGER_ACCOUNTS_DEFAULT : param;
    if (accounts > NIKA_LEDGER_ACCOUNTS_MAX) accounts = NIKA_LEDGER_ACCOUNTS_MAX;
    struct nika_ledger_op built = {.kind = NIKA_LEDGER_TRANSFER};
    *read_only = draw0 % 1000000u < read_ppm;
    if (*read_only) {
        built.kind = NIKA_LEDGER_BALANCE;
        built.from = (uint32_t)(draw1 % accounts);
    } else {
        /* The number of clients is not known here, but account `client` is always the client's own; now and then another's is
         * tried, and now and then more than there is. */
        built.from =
            (draw0 >> 32) % 16u == 0 ? (uint32_t)(draw1 % accounts) : (uint32_t)(client % accounts);
        built.to = (uint32_t)((draw1 >> 16) % accounts);
        built.amount = 1u + (draw1 >> 40) % 400u;
    }
    struct nika_writer w = nika_writer_of(op, capacity);
    nika_ledger_write(&w, &built);
    return w.failed ? 0 : w.at;
}

static const char *ledger_invariant(const struct nika_app *app)
{
    if (app->sum != 0) return "the sum of all ledger balances changed";
    if (app->accounts > LEDGER_RECOUNT_MAX) return NULL;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < app->accounts; i++) sum += app->differences[i];
    return sum == 0 ? NULL : "the ledger balances do not add up to their running sum";
}

const struct nika_app_ops nika_app_ledger = {
    .name = "ledger",
    .doc = "Transfers between accounts whose sum never changes; the parameter is the number of "
           "accounts (default 16).",
    .size = ledger_size,
    .used = ledger_used,
    .init = ledger_init,
    .execute = ledger_execute,
    .query = ledger_query,
    .is_read_only = ledger_is_read_only,
    .snapshot_take = ledger_snapshot_take,
    .snapshot_chunk = ledger_snapshot_chunk,
    .snapshot_drop = ledger_snapshot_drop,
    .restore_begin = ledger_restore_begin,
    .restore_chunk = ledger_restore_chunk,
    .restore_end = ledger_restore_end,
    .workload_op = ledger_workload_op,
    .invariant = ledger_invariant,
};
