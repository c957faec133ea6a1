/* engine/core/trusted.c: the bytes of trusted certificates and of what they state (PROTOCOLS.md 2.8). */
#include "engine/core/trusted.h"

#include "engine/core/planted.h"

#include <string.h>

static const uint8_t domain[4] = {'T', 'S', 'S', '1'};

static void put_header(struct nika_writer *w, const struct nika_trusted_certificate *c)
{
    nika_write_u8(w, c->kind);
    nika_write_u32(w, c->instance);
    nika_write_u64(w, c->epoch);
    nika_write_u32(w, c->counter);
    nika_write_u64(w, c->value.view);
    nika_write_u64(w, c->value.order);
    nika_write_u64(w, c->previous.view);
    nika_write_u64(w, c->previous.order);
}

void nika_trusted_certificate_encode(const struct nika_trusted_certificate *certificate,
                                     uint8_t out[NIKA_TRUSTED_CERTIFICATE_SIZE])
{
    struct nika_writer w = nika_writer_of(out, NIKA_TRUSTED_CERTIFICATE_SIZE);
    put_header(&w, certificate);
    nika_write_raw(&w, certificate->mac, NIKA_TRUSTED_MAC_SIZE);
}

static bool is_zero(struct nika_trusted_value value)
{
    return value.view == 0 && value.order == 0;
}

/* Only what an instance could have issued: one encoding for each statement. */
static bool is_possible(const struct nika_trusted_certificate *c)
{
    switch (c->kind) {
    case NIKA_TRUSTED_INDEPENDENT:
        return c->counter < NIKA_TRUSTED_COUNTERS_MAX && is_zero(c->previous);
    case NIKA_TRUSTED_CONTINUING:
        return c->counter < NIKA_TRUSTED_COUNTERS_MAX &&
               nika_trusted_compare(c->previous, c->value) <= 0;
    case NIKA_TRUSTED_MAC:
        return c->counter == 0 && is_zero(c->value) && is_zero(c->previous);
    default:
        return false;
    }
}

enum nika_err nika_trusted_certificate_decode(struct nika_span bytes,
                                              struct nika_trusted_certificate *out)
{
    struct nika_reader r = nika_reader_of(bytes);
    *out = (struct nika_trusted_certificate){.kind = nika_read_u8(&r)};
    out->instance = nika_read_u32(&r);
    out->epoch = nika_read_u64(&r);
    out->counter = nika_read_u32(&r);
    out->value.view = nika_read_u64(&r);
    out->value.order = nika_read_u64(&r);
    out->previous.view = nika_read_u64(&r);
    out->previous.order = nika_read_u64(&r);
    const uint8_t *mac = nika_read_raw(&r, NIKA_TRUSTED_MAC_SIZE);
    if (mac == NULL || !nika_reader_done(&r)) return NIKA_ERR_MALFORMED;
    memcpy(out->mac, mac, NIKA_TRUSTED_MAC_SIZE);
    return is_possible(out) ? NIKA_OK : NIKA_ERR_MALFORMED;
}

void nika_trusted_statement(const struct nika_trusted_certificate *certificate,
                            const struct nika_digest *digest,
                            uint8_t out[NIKA_TRUSTED_STATEMENT_SIZE])
{
    struct nika_writer w = nika_writer_of(out, NIKA_TRUSTED_STATEMENT_SIZE);
    struct nika_trusted_certificate c = *certificate;
    if (NIKA_PLANTED(T04)) { /* The kind, and what one kind alone has. */
        c.kind = 0;
        memset(&c.previous, 0, sizeof c.previous);
    }
    nika_write_raw(&w, domain, sizeof domain);
    put_header(&w, &c);
    nika_write_digest(&w, digest);
}
