/* engine/shim/tss_frame.c: see tss_frame.h. */
#include "engine/shim/tss_frame.h"

#include <string.h>

static const uint8_t request_magic[4] = {'T', 'S', 'Q', '1'};
static const uint8_t reply_magic[4] = {'T', 'S', 'R', '1'};

static bool is_zero(const void *data, size_t size)
{
    const uint8_t *bytes = data;
    uint8_t any = 0;
    for (size_t i = 0; i < size; i++) any |= bytes[i];
    return any == 0;
}

static bool no_value(struct nika_trusted_value value)
{
    return value.view == 0 && value.order == 0;
}

static void write_value(struct nika_writer *w, struct nika_trusted_value value)
{
    nika_write_u64(w, value.view);
    nika_write_u64(w, value.order);
}

static struct nika_trusted_value read_value(struct nika_reader *r)
{
    uint64_t view = nika_read_u64(r);
    return (struct nika_trusted_value){view, nika_read_u64(r)};
}

static bool magic_is(struct nika_reader *r, const uint8_t magic[4])
{
    const uint8_t *bytes = nika_read_raw(r, 4);
    return bytes != NULL && memcmp(bytes, magic, 4) == 0;
}

/* A certificate, or zeros where there is none: kind 0 marks an absent one. */
static void write_certificate(struct nika_writer *w, const struct nika_trusted_certificate *c)
{
    uint8_t bytes[NIKA_TRUSTED_CERTIFICATE_SIZE] = {0};
    if (c->kind != 0) nika_trusted_certificate_encode(c, bytes);
    nika_write_raw(w, bytes, sizeof bytes);
}

static bool read_certificate(struct nika_reader *r, bool expected,
                             struct nika_trusted_certificate *out)
{
    const uint8_t *bytes = nika_read_raw(r, NIKA_TRUSTED_CERTIFICATE_SIZE);
    if (bytes == NULL) return false;
    if (!expected) return is_zero(bytes, NIKA_TRUSTED_CERTIFICATE_SIZE);
    return nika_trusted_certificate_decode((struct nika_span){bytes, NIKA_TRUSTED_CERTIFICATE_SIZE},
                                           out) == NIKA_OK;
}

void nika_tss_request_encode(const struct nika_tss_request *request,
                             uint8_t out[NIKA_TSS_REQUEST_SIZE])
{
    struct nika_writer w = nika_writer_of(out, NIKA_TSS_REQUEST_SIZE);
    nika_write_raw(&w, request_magic, sizeof request_magic);
    nika_write_u8(&w, request->operation);
    nika_write_u8(&w, request->kind);
    nika_write_u32(&w, request->counter);
    nika_write_u64(&w, request->tag);
    write_value(&w, request->value);
    nika_write_digest(&w, &request->digest);
    write_certificate(&w, &request->certificate);
}

static bool request_is_canonical(const struct nika_tss_request *q)
{
    bool certify = q->operation == NIKA_TSS_CERTIFY;
    bool digest = certify || q->operation == NIKA_TSS_VERIFY;
    bool counter = certify || q->operation == NIKA_TSS_READ || q->operation == NIKA_TSS_REISSUE;
    if (q->operation < NIKA_TSS_HELLO || q->operation >= NIKA_TSS_OPERATIONS) return false;
    if (certify ? q->kind < NIKA_TRUSTED_INDEPENDENT || q->kind > NIKA_TRUSTED_MAC : q->kind != 0)
        return false;
    if (!counter && q->counter != 0) return false;
    if (!certify && !no_value(q->value)) return false;
    return digest || is_zero(&q->digest, sizeof q->digest);
}

enum nika_err nika_tss_request_decode(struct nika_span bytes, struct nika_tss_request *out)
{
    struct nika_reader r = nika_reader_of(bytes);
    memset(out, 0, sizeof *out);
    if (!magic_is(&r, request_magic)) return NIKA_ERR_MALFORMED;
    out->operation = nika_read_u8(&r);
    out->kind = nika_read_u8(&r);
    out->counter = nika_read_u32(&r);
    out->tag = nika_read_u64(&r);
    out->value = read_value(&r);
    out->digest = nika_read_digest(&r);
    bool good = read_certificate(&r, out->operation == NIKA_TSS_VERIFY, &out->certificate);
    return good && nika_reader_done(&r) && request_is_canonical(out) ? NIKA_OK : NIKA_ERR_MALFORMED;
}

void nika_tss_reply_encode(const struct nika_tss_reply *reply, uint8_t out[NIKA_TSS_REPLY_SIZE])
{
    struct nika_writer w = nika_writer_of(out, NIKA_TSS_REPLY_SIZE);
    nika_write_raw(&w, reply_magic, sizeof reply_magic);
    nika_write_u8(&w, reply->operation);
    nika_write_u8(&w, reply->status);
    nika_write_u64(&w, reply->tag);
    nika_write_u32(&w, reply->instance);
    nika_write_u64(&w, reply->epoch);
    nika_write_u32(&w, reply->counters);
    nika_write_u32(&w, reply->group);
    write_value(&w, reply->value);
    nika_write_digest(&w, &reply->digest);
    write_certificate(&w, &reply->certificate);
}

static bool carries_certificate(const struct nika_tss_reply *p)
{
    return p->status == NIKA_TSS_OK &&
           (p->operation == NIKA_TSS_CERTIFY || p->operation == NIKA_TSS_REISSUE);
}

static bool reply_is_canonical(const struct nika_tss_reply *p)
{
    bool good = p->status == NIKA_TSS_OK;
    if (p->operation < NIKA_TSS_HELLO || p->operation >= NIKA_TSS_OPERATIONS) return false;
    if (p->status >= NIKA_TSS_STATUSES) return false;
    if (!(good && p->operation == NIKA_TSS_HELLO) && (p->counters != 0 || p->group != 0))
        return false;
    if (!(good && p->operation == NIKA_TSS_READ) && !no_value(p->value)) return false;
    return (good && p->operation == NIKA_TSS_REISSUE) || is_zero(&p->digest, sizeof p->digest);
}

enum nika_err nika_tss_reply_decode(struct nika_span bytes, struct nika_tss_reply *out)
{
    struct nika_reader r = nika_reader_of(bytes);
    memset(out, 0, sizeof *out);
    if (!magic_is(&r, reply_magic)) return NIKA_ERR_MALFORMED;
    out->operation = nika_read_u8(&r);
    out->status = nika_read_u8(&r);
    out->tag = nika_read_u64(&r);
    out->instance = nika_read_u32(&r);
    out->epoch = nika_read_u64(&r);
    out->counters = nika_read_u32(&r);
    out->group = nika_read_u32(&r);
    out->value = read_value(&r);
    out->digest = nika_read_digest(&r);
    bool good = read_certificate(&r, carries_certificate(out), &out->certificate);
    return good && nika_reader_done(&r) && reply_is_canonical(out) ? NIKA_OK : NIKA_ERR_MALFORMED;
}
