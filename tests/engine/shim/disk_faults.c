/* tests/engine/shim/disk_faults.c: see disk_faults.h. */
#include "tests/engine/shim/disk_faults.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "engine/core/assert.h"

#define UNDO_MAX 4096u

/* One write, truncation or emptying that the file's next sync makes final. */
struct data_undo {
    int file; /* A duplicate, so that it works whatever the name became. */
    dev_t device;
    ino_t inode;
    uint64_t old_size, offset, old_count, new_count;
    uint8_t *old_bytes;
};
enum name_act { NAME_CREATED, NAME_RENAMED, NAME_REMOVED };
struct name_undo {
    enum name_act act;
    char name[128], other[128];
    uint32_t backup; /* Of what the name meant before; 0 = nothing. */
};
struct disk_faults {
    struct nika_files files;
    char path[256], undo_path[280];
    uint32_t calls, crash_at, fail_from, fail_to, backups;
    int fail_err;
    bool crashed;
    struct data_undo data[UNDO_MAX];
    uint32_t data_count;
    struct name_undo names[UNDO_MAX];
    uint32_t name_count;
};

/* What is to happen in this call: 0 = it works, else a negated errno, with *half when half of a write is done first. */
static int decide(struct disk_faults *f, bool *half)
{
    *half = false;
    if (f->crashed) return -EIO;
    f->calls++;
    if (f->crash_at != 0 && f->calls == f->crash_at) {
        f->crashed = *half = true;
        return -EIO;
    }
    if (f->calls >= f->fail_from && f->calls <= f->fail_to) {
        *half = true;
        return -f->fail_err;
    }
    return 0;
}

static void remember_data(struct disk_faults *f, int file, uint64_t offset, uint64_t count,
                          bool resize, uint64_t new_size)
{
    struct stat info;
    NIKA_ASSERT(f->data_count < UNDO_MAX);
    NIKA_ASSERT(fstat(file, &info) == 0);
    struct data_undo *u = &f->data[f->data_count++];
    *u = (struct data_undo){.file = dup(file),
                            .device = info.st_dev,
                            .inode = info.st_ino,
                            .old_size = (uint64_t)info.st_size,
                            .offset = offset,
                            .new_count = resize ? 0 : count};
    if (resize) {
        u->offset = new_size;
        count = u->old_size > new_size ? u->old_size - new_size : 0;
    }
    if (u->offset < u->old_size) {
        u->old_count = u->old_size - u->offset < count ? u->old_size - u->offset : count;
        u->old_bytes = malloc(u->old_count + 1);
        NIKA_ASSERT(pread(file, u->old_bytes, u->old_count, (off_t)u->offset) ==
                    (ssize_t)u->old_count);
    }
    NIKA_ASSERT(u->file >= 0);
}

static uint32_t back_up(struct disk_faults *f, const char *name)
{
    char to[320];
    snprintf(to, sizeof to, "%s/%u", f->undo_path, ++f->backups);
    return linkat(f->files.dir, name, AT_FDCWD, to, 0) == 0 ? f->backups : 0;
}

static void remember_name(struct disk_faults *f, enum name_act act, const char *name,
                          const char *other, uint32_t backup)
{
    NIKA_ASSERT(f->name_count < UNDO_MAX);
    struct name_undo *u = &f->names[f->name_count++];
    *u = (struct name_undo){.act = act, .backup = backup};
    snprintf(u->name, sizeof u->name, "%s", name);
    snprintf(u->other, sizeof u->other, "%s", other);
}

static int do_open(void *context, int dir, const char *name, bool empty)
{
    struct disk_faults *f = context;
    bool half;
    int err = decide(f, &half);
    if (err != 0) return err;
    bool existed = nika_file_exists(&f->files, name);
    int file = nika_file_system.open(NULL, dir, name, false);
    if (file < 0) return file;
    if (!existed) remember_name(f, NAME_CREATED, name, "", 0);
    if (existed && empty) {
        remember_data(f, file, 0, 0, true, 0);
        NIKA_ASSERT(ftruncate(file, 0) == 0);
    }
    return file;
}

static int64_t do_write(void *context, int file, const void *data, size_t size, uint64_t offset)
{
    struct disk_faults *f = context;
    bool half;
    int err = decide(f, &half);
    if (err != 0 && !half) return err;
    if (half) size /= 2;
    if (size == 0) return err;
    remember_data(f, file, offset, size, false, 0);
    NIKA_ASSERT(pwrite(file, data, size, (off_t)offset) == (ssize_t)size);
    return err != 0 ? err : (int64_t)size;
}

static int do_sync(void *context, int file)
{
    struct disk_faults *f = context;
    struct stat info;
    bool half;
    int err = decide(f, &half);
    if (err != 0) return err;
    NIKA_ASSERT(fstat(file, &info) == 0);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < f->data_count; i++) {
        struct data_undo *u = &f->data[i];
        if (u->device != info.st_dev || u->inode != info.st_ino) {
            f->data[kept++] = *u;
            continue;
        }
        close(u->file);
        free(u->old_bytes);
    }
    f->data_count = kept;
    return 0;
}

static int do_truncate(void *context, int file, uint64_t size)
{
    struct disk_faults *f = context;
    bool half;
    int err = decide(f, &half);
    if (err != 0) return err;
    remember_data(f, file, 0, 0, true, size);
    return ftruncate(file, (off_t)size) == 0 ? 0 : -errno;
}

static int do_rename(void *context, int dir, const char *from, const char *to)
{
    struct disk_faults *f = context;
    bool half;
    int err = decide(f, &half);
    if (err != 0 && !(f->crashed && half)) return err;
    uint32_t backup = back_up(f, to);
    int done = nika_file_system.rename(NULL, dir, from, to);
    if (done == 0) remember_name(f, NAME_RENAMED, from, to, backup);
    return err != 0 ? err : done; /* In the call that crashes, done and not durable. */
}

static int do_remove(void *context, int dir, const char *name)
{
    struct disk_faults *f = context;
    bool half;
    int err = decide(f, &half);
    if (err != 0 && !(f->crashed && half)) return err;
    uint32_t backup = back_up(f, name);
    int done = nika_file_system.remove(NULL, dir, name);
    if (done == 0) remember_name(f, NAME_REMOVED, name, "", backup);
    return err != 0 ? err : done;
}

static int do_sync_dir(void *context, int dir)
{
    struct disk_faults *f = context;
    bool half;
    (void)dir;
    int err = decide(f, &half);
    if (err == 0) f->name_count = 0;
    return err;
}

static const struct nika_file_ops fault_ops = {.open = do_open,
                                               .write = do_write,
                                               .sync = do_sync,
                                               .truncate = do_truncate,
                                               .rename = do_rename,
                                               .remove = do_remove,
                                               .sync_dir = do_sync_dir};

struct disk_faults *disk_faults_new(const char *path)
{
    struct disk_faults *f = calloc(1, sizeof *f);
    NIKA_ASSERT(f != NULL);
    snprintf(f->path, sizeof f->path, "%s", path);
    snprintf(f->undo_path, sizeof f->undo_path, "%s.undo", path);
    NIKA_ASSERT(mkdir(f->undo_path, 0700) == 0 || errno == EEXIST);
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    NIKA_ASSERT(dir >= 0);
    f->files = (struct nika_files){&fault_ops, f, dir, f->path};
    return f;
}

static void forget(struct disk_faults *f)
{
    for (uint32_t i = 0; i < f->data_count; i++) {
        close(f->data[i].file);
        free(f->data[i].old_bytes);
    }
    f->data_count = f->name_count = 0;
}

void disk_faults_free(struct disk_faults *f)
{
    forget(f);
    close(f->files.dir);
    disk_faults_remove_tree(f->undo_path);
    free(f);
}

struct nika_files disk_faults_files(struct disk_faults *f)
{
    return f->files;
}

uint32_t disk_faults_calls(const struct disk_faults *f)
{
    return f->calls;
}

void disk_faults_crash_at(struct disk_faults *f, uint32_t call)
{
    f->crash_at = call == 0 ? 0 : f->calls + call;
}

void disk_faults_fail(struct disk_faults *f, uint32_t from, uint32_t to, int err)
{
    f->fail_from = f->calls + from;
    f->fail_to = f->calls + to;
    f->fail_err = err;
}

bool disk_faults_crashed(const struct disk_faults *f)
{
    return f->crashed;
}

static void undo_data(const struct data_undo *u, bool reorder)
{
    /* A device writes whole sectors: up to a boundary, or all of a write that crosses none. */
    uint64_t middle = (u->offset + u->new_count / 2 + 511) / 512 * 512 - u->offset;
    uint64_t lost = reorder ? (middle < u->new_count ? middle : u->new_count) : u->old_count;
    if (!reorder) {
        NIKA_ASSERT(ftruncate(u->file, (off_t)u->old_size) == 0);
    } else if (u->new_count == 0) {
        return; /* A truncation is one change of the file's size. */
    } else {
        /* What was never written there reads as zeros. */
        uint8_t zeros[512] = {0};
        for (uint64_t at = u->old_count; at < lost; at += sizeof zeros) {
            uint64_t size = lost - at < sizeof zeros ? lost - at : sizeof zeros;
            NIKA_ASSERT(pwrite(u->file, zeros, size, (off_t)(u->offset + at)) == (ssize_t)size);
        }
    }
    uint64_t back = lost < u->old_count ? lost : u->old_count;
    if (back > 0)
        NIKA_ASSERT(pwrite(u->file, u->old_bytes, back, (off_t)u->offset) == (ssize_t)back);
}

static void undo_name(struct disk_faults *f, const struct name_undo *u)
{
    char backup[320];
    int dir = f->files.dir;
    const char *name = u->act == NAME_RENAMED ? u->other : u->name;
    snprintf(backup, sizeof backup, "%s/%u", f->undo_path, u->backup);
    if (u->act == NAME_CREATED) (void)unlinkat(dir, u->name, 0);
    if (u->act == NAME_RENAMED) NIKA_ASSERT(renameat(dir, u->other, dir, u->name) == 0);
    if (u->backup != 0) NIKA_ASSERT(linkat(AT_FDCWD, backup, dir, name, 0) == 0);
}

void disk_faults_restart(struct disk_faults *f, enum crash_kind kind)
{
    bool some = kind == CRASH_NEW_NAMES_LOST;
    bool names = kind == CRASH_POWER || kind == CRASH_DATA_KEPT || some;
    bool data = kind != CRASH_KILL && kind != CRASH_DATA_KEPT;
    for (uint32_t i = f->data_count; data && i > 0; i--)
        undo_data(&f->data[i - 1], kind == CRASH_REORDER);
    for (uint32_t i = f->name_count; names && i > 0; i--)
        if (!some || f->names[i - 1].act == NAME_CREATED) undo_name(f, &f->names[i - 1]);
    if (kind != CRASH_KILL) forget(f);
    f->crashed = false;
    f->crash_at = f->fail_from = f->fail_to = 0;
}

void disk_faults_folder(char path[64])
{
    struct statvfs room;
    bool memory = statvfs("/dev/shm", &room) == 0 && access("/dev/shm", W_OK) == 0 &&
                  (uint64_t)room.f_bavail * room.f_frsize > (UINT64_C(256) << 20);
    static unsigned number;
    snprintf(path, 64, "%s/nika-disk-%ld-%u", memory ? "/dev/shm" : "/tmp", (long)getpid(),
             number++);
    NIKA_ASSERT(mkdir(path, 0700) == 0);
}

static int remove_entry(const char *path, const struct stat *info, int flag, struct FTW *walk)
{
    (void)info;
    (void)flag;
    (void)walk;
    return remove(path);
}

void disk_faults_remove_tree(const char *path)
{
    (void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
