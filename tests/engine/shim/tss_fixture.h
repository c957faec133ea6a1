/* tests/engine/shim/tss_fixture.h: what the tests of the trusted process share: a folder, keys, digests, and a vault that a test can kill at any
 * of its steps. */
#ifndef TESTS_ENGINE_SHIM_TSS_FIXTURE_H
#define TESTS_ENGINE_SHIM_TSS_FIXTURE_H

#include "tests/support/test.h"

#include <sys/stat.h>
#include <unistd.h>

#include "engine/shim/tss_vault.h"
#include "tests/engine/shim/disk_faults.h"

static const uint8_t tss_secret[NIKA_TRUSTED_SECRET_SIZE] = {1, 2, 3, 4, 5};
static const uint8_t tss_other_secret[NIKA_TRUSTED_SECRET_SIZE] = {9, 9, 9};

static inline struct nika_digest tss_digest(uint8_t value)
{
    struct nika_digest d;
    memset(&d, value, sizeof d);
    return d;
}
static inline struct nika_trusted_value tss_value(uint64_t view, uint64_t order)
{
    return (struct nika_trusted_value){view, order};
}
static inline struct nika_tss_identity tss_identity(uint32_t instance)
{
    struct nika_tss_identity id = {.instance = instance, .counters = 8, .group = 3};
    for (uint32_t i = 0; i < 3; i++) id.epochs[i] = 1;
    return id;
}

/* ---- files: the real ones, but nothing waits for a device, and the process can stop before any of them ---- */
struct tss_steps {
    uint32_t done;
    uint32_t fail_at;   /* The step (1 = the first) in which everything stops; 0 = never. */
    void (*stop)(void); /* Called there; NULL: the step and all later ones fail with EIO. */
};
static inline int tss_step(struct tss_steps *s)
{
    s->done++;
    if (s->fail_at == 0 || s->done < s->fail_at) return 0;
    if (s->stop != NULL) s->stop();
    return -5; /* EIO */
}
static inline int tss_open(void *context, int dir, const char *name, bool empty)
{
    (void)context;
    return nika_file_system.open(NULL, dir, name, empty);
}
static inline int64_t tss_write(void *context, int file, const void *data, size_t size,
                                uint64_t offset)
{
    int err = tss_step(context);
    return err != 0 ? err : nika_file_system.write(NULL, file, data, size, offset);
}
static inline int tss_sync(void *context, int file)
{
    (void)file;
    return tss_step(context);
}
static inline int tss_rename(void *context, int dir, const char *from, const char *to)
{
    (void)context;
    return nika_file_system.rename(NULL, dir, from, to);
}
static inline int tss_remove(void *context, int dir, const char *name)
{
    (void)context;
    return nika_file_system.remove(NULL, dir, name);
}
static inline int tss_sync_dir(void *context, int dir)
{
    (void)context;
    (void)dir;
    return 0;
}
static const struct nika_file_ops tss_files = {.open = tss_open,
                                               .write = tss_write,
                                               .sync = tss_sync,
                                               .rename = tss_rename,
                                               .remove = tss_remove,
                                               .sync_dir = tss_sync_dir};

/* ---- an anchor in memory, whose steps count as well ---- */
struct tss_memory_anchor {
    uint64_t value;
    struct tss_steps *steps;
};
static inline int tss_anchor_read(void *context, uint64_t *value)
{
    *value = ((struct tss_memory_anchor *)context)->value;
    return 0;
}
static inline int tss_anchor_step(void *context, uint64_t *value)
{
    struct tss_memory_anchor *a = context;
    int err = tss_step(a->steps);
    if (err != 0) return -err;
    *value = ++a->value;
    return 0;
}

/* ---- both files as bytes, to be put back later ---- */
struct tss_copy {
    uint8_t bytes[2][NIKA_TSS_FILE_SIZE];
};
static inline void tss_path(char out[128], const char *dir, uint32_t which)
{
    snprintf(out, 128, "%s/%s", dir, which == 0 ? NIKA_TSS_STATE_FILE : NIKA_TSS_WITNESS_FILE);
}
static inline void tss_copy_file(const char *dir, uint32_t which, uint8_t *bytes, bool back)
{
    char path[128];
    tss_path(path, dir, which);
    FILE *file = fopen(path, back ? "r+b" : "rb");
    assert_non_null(file);
    assert_int_equal(back ? fwrite(bytes, 1, NIKA_TSS_FILE_SIZE, file)
                          : fread(bytes, 1, NIKA_TSS_FILE_SIZE, file),
                     NIKA_TSS_FILE_SIZE);
    assert_int_equal(fclose(file), 0);
}
static inline void tss_save(const char *dir, struct tss_copy *copy)
{
    for (uint32_t i = 0; i < 2; i++) tss_copy_file(dir, i, copy->bytes[i], false);
}
static inline void tss_put_back(const char *dir, struct tss_copy *copy)
{
    for (uint32_t i = 0; i < 2; i++) tss_copy_file(dir, i, copy->bytes[i], true);
}

#endif
