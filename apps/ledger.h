/* apps/ledger.h: operations and results of the ledger application, and helpers that build them.
 *
 * Operation, of exact size: TRANSFER: kind u8 | from u32 | to u32 | amount u64. BALANCE: kind u8 | account u32.
 * Result: status u8 | balance u64 (of `from` after a transfer, of the account for BALANCE; 0 unless OK or OVERDRAFT). Every byte string
 * has a result: what does not parse is NIKA_LEDGER_BAD. */
#ifndef APPS_LEDGER_H
#define APPS_LEDGER_H

#include "engine/core/bytes.h"
#include "engine/core/err.h"

#define NIKA_LEDGER_ACCOUNTS_DEFAULT 16u
#define NIKA_LEDGER_ACCOUNTS_MAX 4096u /* Keeps a snapshot at 32 KiB. */
#define NIKA_LEDGER_BALANCE_START 1000u
#define NIKA_LEDGER_REPLY_SIZE 9u

enum nika_ledger_kind { NIKA_LEDGER_TRANSFER = 1, NIKA_LEDGER_BALANCE };
enum nika_ledger_status {
    NIKA_LEDGER_OK = 0,
    NIKA_LEDGER_OVERDRAFT, /* `from` holds less than the amount. */
    NIKA_LEDGER_NOT_OWNER, /* from mod clients is not the client that signed. */
    NIKA_LEDGER_NO_ACCOUNT,
    NIKA_LEDGER_BAD,           /* Not an operation. */
    NIKA_LEDGER_NOT_READ_ONLY, /* TRANSFER on the read-only path. */
};
struct nika_ledger_op {
    enum nika_ledger_kind kind;
    uint32_t from; /* BALANCE: the account. */
    uint32_t to;
    uint64_t amount;
};

/* Parse exactly `bytes`. NIKA_ERR_MALFORMED. */
NIKA_MUST_USE enum nika_err nika_ledger_parse(struct nika_span bytes, struct nika_ledger_op *out);
/* Append the one encoding of `op`; the writer fails when it does not fit. */
void nika_ledger_write(struct nika_writer *w, const struct nika_ledger_op *op);

#endif
