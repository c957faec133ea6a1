/* tests/museum/directed_parts.c: planted bugs of the codec, the log and its files (directed.h). */
#include <fcntl.h>
#include <unistd.h>

#include "engine/core/wal.h"
#include "engine/shim/file.h"
#include "protocols/common/messages.h"
#include "tests/museum/directed.h"
#include "tests/support/test.h"

static bool decodes(const struct nika_message_info *info, const void *message, void *out)
{
    uint32_t size = nika_encoded_size(info, message);
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    struct nika_writer w = nika_writer_of(bytes, size);
    nika_encode(info, message, &w);
    assert_false(w.failed);
    bool decoded = nika_decode(info, (struct nika_span){bytes, size}, out) == NIKA_OK;
    free(bytes);
    return decoded;
}

/* I01: an operation one byte longer than any may be. */
static bool too_long_a_field(void)
{
    static uint8_t op[NIKA_OP_SIZE_MAX + 1];
    struct common_request request = {.timestamp = 1, .op = {op, sizeof op}}, out;
    return decodes(&common_info_request, &request, &out);
}

/* I02: a proof of 2^27 digests, and not one of them there: 2^27 * 32 is 0 in 32 bits. */
static bool count_that_wraps(void)
{
    struct common_chunk chunk = {.proof = {UINT32_C(1) << 27, {NULL, 0}}}, out;
    return decodes(&common_info_chunk, &chunk, &out);
}

/* I17: of two records the first is damaged. What follows a torn tail is not a good record. */
static bool damage_as_torn_tail(void)
{
    uint8_t bytes[128];
    uint32_t good = 0;
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    for (uint64_t i = 1; i <= 2; i++)
        nika_wal_write(&w, 1, i, (struct nika_span){(const uint8_t *)"vote", 4});
    assert_false(w.failed);
    bytes[14] ^= 1;
    return nika_wal_scan((struct nika_span){bytes, w.at}, &good) == NIKA_WAL_TORN;
}

/* A disk that takes three bytes at a time and remembers the order of what it was asked. */
struct slow_disk {
    uint32_t written;
    bool synced, renamed_early;
};

static int disk_open(void *context, int dir, const char *name, bool empty)
{
    (void)context, (void)dir, (void)name, (void)empty;
    int file = open("/dev/null", O_RDWR | O_CLOEXEC);
    assert_true(file >= 0);
    return file;
}
static int64_t disk_write(void *context, int file, const void *data, size_t size, uint64_t offset)
{
    struct slow_disk *disk = context;
    (void)file, (void)data, (void)offset;
    uint32_t taken = size < 3 ? (uint32_t)size : 3;
    disk->written += taken;
    disk->synced = false;
    return taken;
}
static int disk_sync(void *context, int file)
{
    (void)file;
    ((struct slow_disk *)context)->synced = true;
    return 0;
}
static int disk_rename(void *context, int dir, const char *from, const char *to)
{
    struct slow_disk *disk = context;
    (void)dir, (void)from, (void)to;
    disk->renamed_early = !disk->synced;
    return 0;
}
static int disk_sync_dir(void *context, int dir)
{
    (void)context, (void)dir;
    return 0;
}

static int replace(struct slow_disk *disk)
{
    static const struct nika_file_ops ops = {.open = disk_open,
                                             .write = disk_write,
                                             .sync = disk_sync,
                                             .rename = disk_rename,
                                             .sync_dir = disk_sync_dir};
    struct nika_files files = {.ops = &ops, .context = disk, .dir = -1, .path = "nowhere"};
    return nika_file_replace(&files, "mark", (struct nika_span){(const uint8_t *)"0123456789", 10});
}

/* I18: when the machine stops then, the name may stand for an empty file. */
static bool renamed_before_durable(void)
{
    struct slow_disk disk = {0};
    assert_int_equal(replace(&disk), 0);
    return disk.renamed_early;
}

/* I20: all is well, it says, and three bytes of ten are there. */
static bool part_taken_for_all(void)
{
    struct slow_disk disk = {0};
    return replace(&disk) == 0 && disk.written < 10;
}

const struct directed directed_parts[] = {
    {"I01", too_long_a_field},       {"I02", count_that_wraps},   {"I17", damage_as_torn_tail},
    {"I18", renamed_before_durable}, {"I20", part_taken_for_all},
};
const uint32_t directed_parts_count = sizeof directed_parts / sizeof directed_parts[0];
