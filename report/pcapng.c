/* report/pcapng.c: the deliveries and losses of a run as packets that Wireshark opens: each frame in an IPv4/UDP datagram, replica i at
 * 10.0.x.y with x.y = i + 1, clients at 10.1.x.y, so that conversations and flow graphs work. Virtual time in nanoseconds. */
#include <inttypes.h>

#include "engine/core/bytes.h"
#include "report/report.h"

#define PORT 5320u
#define HEADERS 28u         /* IPv4 and UDP. */
#define DATAGRAM_MAX 65507u /* A longer frame is cut; its true length is said. */
#define LINKTYPE_IPV4 228u

static void put16(FILE *file, uint32_t value)
{
    fputc((int)(value & 0xff), file);
    fputc((int)(value >> 8 & 0xff), file);
}
static void put32(FILE *file, uint32_t value)
{
    put16(file, value & 0xffff);
    put16(file, value >> 16);
}
static void put_padding(FILE *file, uint32_t size)
{
    for (; size % 4 != 0; size++) fputc(0, file);
}
static uint32_t padded(uint32_t size)
{
    return (size + 3) & ~3u;
}

static void put_blocks(FILE *file)
{
    put32(file, 0x0a0d0d0a); /* Section header. */
    put32(file, 28);
    put32(file, 0x1a2b3c4d);
    put16(file, 1);
    put16(file, 0);
    put32(file, 0xffffffff);
    put32(file, 0xffffffff);
    put32(file, 28);
    put32(file, 1); /* Interface: IPv4, time in units of 10^-9 s. */
    put32(file, 32);
    put16(file, LINKTYPE_IPV4);
    put16(file, 0);
    put32(file, 0);
    put16(file, 9);
    put16(file, 1);
    put32(file, 9);
    put32(file, 0);
    put32(file, 32);
}

static uint32_t address(uint32_t node)
{
    uint32_t number = nika_client_index(node) + 1;
    return (nika_is_client(node) ? 0x0a010000u : 0x0a000000u) | (number & 0xffff);
}

static void big16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void make_headers(uint8_t h[HEADERS], uint32_t from, uint32_t to, uint32_t size)
{
    uint32_t sum = 0;
    memset(h, 0, HEADERS);
    h[0] = 0x45;
    big16(h + 2, size + HEADERS);
    h[8] = 64;
    h[9] = 17;
    big16(h + 12, from >> 16);
    big16(h + 14, from);
    big16(h + 16, to >> 16);
    big16(h + 18, to);
    for (uint32_t i = 0; i < 20; i += 2) sum += (uint32_t)h[i] << 8 | h[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    big16(h + 10, ~(sum + (sum >> 16)) & 0xffff);
    big16(h + 20, PORT);
    big16(h + 22, PORT);
    big16(h + 24, size + 8);
}

static void put_packet(FILE *file, const struct nika_report_trace *t,
                       const struct nika_report_event *e)
{
    uint8_t headers[HEADERS];
    char comment[64];
    struct nika_span frame = nika_report_frame(t, e->message);
    bool lost = e->kind == NIKA_TAP_DROPPED;
    uint32_t from = lost ? e->node : e->peer, to = lost ? e->peer : e->node;
    uint32_t kept = frame.size < DATAGRAM_MAX ? frame.size : DATAGRAM_MAX, size = kept + HEADERS;
    uint32_t said = (uint32_t)snprintf(comment, sizeof comment, "event %" PRIu32 "%s", e->event,
                                       lost ? ", lost" : "");
    uint32_t total = 32 + padded(size) + 4 + padded(said) + 4;
    make_headers(headers, address(from), address(to), kept);
    put32(file, 6); /* Enhanced packet. */
    put32(file, total);
    put32(file, 0);
    put32(file, (uint32_t)(e->now_ns >> 32));
    put32(file, (uint32_t)e->now_ns);
    put32(file, size);
    put32(file, frame.size + HEADERS);
    (void)fwrite(headers, 1, HEADERS, file);
    (void)fwrite(frame.data, 1, kept, file);
    put_padding(file, size);
    put16(file, 1); /* Comment. */
    put16(file, said);
    (void)fwrite(comment, 1, said, file);
    put_padding(file, said);
    put32(file, 0);
    put32(file, total);
}

void nika_report_pcapng(const struct nika_report *report, FILE *file)
{
    const struct nika_report_trace *t = report->trace;
    put_blocks(file);
    for (uint32_t i = 0; i < nika_report_event_count(t); i++) {
        const struct nika_report_event *e = nika_report_event_at(t, i);
        bool packet = e->kind == NIKA_TAP_DELIVERED || e->kind == NIKA_TAP_DROPPED;
        if (packet && e->message != NIKA_REPORT_NONE && e->node != NIKA_NODE_NONE &&
            e->peer != NIKA_NODE_NONE)
            put_packet(file, t, e);
    }
}
