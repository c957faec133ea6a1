/* engine/shim/file.c: see file.h. */
#include "engine/shim/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/core/assert.h"
#include "engine/core/planted.h"

#define SET_ASIDE_MAX 1000u /* Files of one name; someone should have looked by then. */
#define NUMBERS_MAX 65536u  /* Segments and snapshots of a directory are far fewer. */

void nika_disk_say(struct nika_disk_store_error *error, const char *format, ...)
{
    va_list list;
    if (error == NULL) return;
    va_start(list, format);
    (void)vsnprintf(error->text, sizeof error->text, format, list);
    va_end(list);
}

/* ---- the real calls ---- */
static int system_open(void *context, int dir, const char *name, bool empty)
{
    (void)context;
    int file =
        openat(dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (empty ? O_TRUNC : 0), 0600);
    return file < 0 ? -errno : file;
}

static int64_t system_write(void *context, int file, const void *data, size_t size, uint64_t offset)
{
    (void)context;
    for (;;) {
        ssize_t written = pwrite(file, data, size, (off_t)offset);
        if (written > 0) return written;
        if (written == 0) return -EIO;
        if (errno != EINTR) return -errno;
    }
}

static int system_sync(void *context, int file)
{
    (void)context;
    return fdatasync(file) == 0 ? 0 : -errno;
}

static int system_truncate(void *context, int file, uint64_t size)
{
    (void)context;
    return ftruncate(file, (off_t)size) == 0 ? 0 : -errno;
}

static int system_rename(void *context, int dir, const char *from, const char *to)
{
    (void)context;
    return renameat(dir, from, dir, to) == 0 ? 0 : -errno;
}

static int system_remove(void *context, int dir, const char *name)
{
    (void)context;
    return unlinkat(dir, name, 0) == 0 ? 0 : -errno;
}

static int system_sync_dir(void *context, int dir)
{
    (void)context;
    return fsync(dir) == 0 ? 0 : -errno;
}

const struct nika_file_ops nika_file_system = {
    .open = system_open,
    .write = system_write,
    .sync = system_sync,
    .truncate = system_truncate,
    .rename = system_rename,
    .remove = system_remove,
    .sync_dir = system_sync_dir,
};

/* ---- what is built of them ---- */
int nika_file_write_all(const struct nika_files *files, int file, struct nika_span data,
                        uint64_t offset)
{
    uint32_t done = 0;
    while (done < data.size) {
        int64_t written = files->ops->write(files->context, file, data.data + done,
                                            data.size - done, offset + done);
        if (written < 0) return (int)-written;
        NIKA_ASSERT(written > 0);
        NIKA_ASSERT((uint64_t)written <= data.size - done);
        done += (uint32_t)written;
        if (NIKA_PLANTED(I20)) return 0;
    }
    return 0;
}

int nika_file_replace(const struct nika_files *files, const char *name, struct nika_span data)
{
    const struct nika_file_ops *ops = files->ops;
    char temporary[NIKA_FILE_NAME_SIZE];
    int length = snprintf(temporary, sizeof temporary, "%s.tmp", name);
    NIKA_ASSERT(length > 0 && (size_t)length < sizeof temporary);
    int file = ops->open(files->context, files->dir, temporary, true);
    if (file < 0) return -file;
    int err = nika_file_write_all(files, file, data, 0);
    if (err == 0 && !NIKA_PLANTED(I18)) err = -ops->sync(files->context, file);
    (void)close(file);
    if (err == 0) err = -ops->rename(files->context, files->dir, temporary, name);
    if (err == 0) return -ops->sync_dir(files->context, files->dir);
    (void)ops->remove(files->context, files->dir, temporary); /* Gives a full disk its room back. */
    return err;
}

int nika_file_remove(const struct nika_files *files, const char *name)
{
    int err = -files->ops->remove(files->context, files->dir, name);
    if (err != 0 && err != ENOENT) return err;
    return -files->ops->sync_dir(files->context, files->dir);
}

/* Up to `size` bytes from `offset`; fewer only at the end of the file. */
static int read_up_to(int file, uint32_t offset, uint8_t *data, uint32_t size, uint32_t *got)
{
    *got = 0;
    while (*got < size) {
        ssize_t part = pread(file, data + *got, size - *got, (off_t)offset + (off_t)*got);
        if (part < 0 && errno == EINTR) continue;
        if (part < 0) return errno;
        if (part == 0) return 0;
        *got += (uint32_t)part;
    }
    return 0;
}

static int open_to_read(const struct nika_files *files, const char *name, struct stat *info,
                        int *err)
{
    int file = openat(files->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    memset(info, 0, sizeof *info);
    *err = file < 0 || fstat(file, info) != 0 ? errno : 0;
    if (*err == 0 && !S_ISREG(info->st_mode)) *err = EINVAL;
    if (*err == 0 || file < 0) return file;
    (void)close(file);
    return -1;
}

int nika_file_read(const struct nika_files *files, const char *name, uint32_t size_max,
                   uint8_t **data, uint32_t *size)
{
    struct stat info;
    uint32_t got = 0;
    int err;
    *data = NULL;
    *size = 0;
    int file = open_to_read(files, name, &info, &err);
    if (err != 0) return err;
    if ((uint64_t)info.st_size > size_max) err = EFBIG;
    if (err == 0) {
        *size = (uint32_t)info.st_size;
        *data = malloc(*size + 1u); /* Never zero bytes: NULL is a failure. */
        err = *data == NULL ? ENOMEM : read_up_to(file, 0, *data, *size, &got);
        if (err == 0 && got != *size) err = EIO;
    }
    (void)close(file);
    if (err == 0) return 0;
    free(*data);
    *data = NULL;
    *size = 0;
    return err;
}

int nika_file_read_part(const struct nika_files *files, const char *name, uint32_t offset,
                        uint8_t *data, uint32_t size, uint32_t *got)
{
    struct stat info;
    int err;
    *got = 0;
    int file = open_to_read(files, name, &info, &err);
    if (err != 0) return err;
    err = read_up_to(file, offset, data, size, got);
    (void)close(file);
    return err;
}

bool nika_file_exists(const struct nika_files *files, const char *name)
{
    struct stat info;
    return fstatat(files->dir, name, &info, AT_SYMLINK_NOFOLLOW) == 0;
}

int nika_file_set_aside(const struct nika_files *files, const char *name)
{
    char target[NIKA_FILE_NAME_SIZE * 2];
    if (mkdirat(files->dir, "damaged", 0700) != 0 && errno != EEXIST) return errno;
    for (uint32_t i = 1; i <= SET_ASIDE_MAX; i++) {
        (void)snprintf(target, sizeof target, "damaged/%s.%u", name, i);
        if (nika_file_exists(files, target)) continue;
        int err = -files->ops->rename(files->context, files->dir, name, target);
        return err != 0 ? err : -files->ops->sync_dir(files->context, files->dir);
    }
    return EEXIST;
}

static DIR *list(const struct nika_files *files, int *err)
{
    int copy = openat(files->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = copy < 0 ? NULL : fdopendir(copy);
    *err = folder == NULL ? errno : 0;
    if (folder == NULL && copy >= 0) (void)close(copy);
    return folder;
}

int nika_file_clean(const struct nika_files *files)
{
    int err;
    DIR *folder = list(files, &err);
    if (folder == NULL) return err;
    for (struct dirent *entry = readdir(folder); entry != NULL && err == 0;
         entry = readdir(folder)) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot == NULL || dot == entry->d_name || strcmp(dot, ".tmp") != 0) continue;
        err = -files->ops->remove(files->context, files->dir, entry->d_name);
    }
    (void)closedir(folder);
    return err;
}

static bool parse_number(const char *name, const char *prefix, uint32_t digits, uint64_t *out)
{
    size_t length = strlen(prefix);
    if (strncmp(name, prefix, length) != 0 || strlen(name) != length + digits) return false;
    *out = 0;
    for (uint32_t i = 0; i < digits; i++) {
        char c = name[length + i];
        if (c < '0' || c > '9') return false;
        if (*out > (UINT64_MAX - (uint64_t)(c - '0')) / 10u) return false;
        *out = *out * 10u + (uint64_t)(c - '0');
    }
    return true;
}

static void insert_sorted(uint64_t *numbers, uint32_t count, uint64_t number)
{
    uint32_t i = count;
    for (; i > 0 && numbers[i - 1] > number; i--) numbers[i] = numbers[i - 1];
    numbers[i] = number;
}

int nika_file_numbers(const struct nika_files *files, const char *prefix, uint32_t digits,
                      uint64_t **numbers, uint32_t *count)
{
    uint32_t capacity = 16;
    uint64_t number;
    int err;
    *count = 0;
    *numbers = malloc(capacity * sizeof **numbers);
    if (*numbers == NULL) return ENOMEM;
    DIR *folder = list(files, &err);
    if (folder == NULL) {
        free(*numbers);
        *numbers = NULL;
        return err;
    }
    for (struct dirent *entry = readdir(folder); entry != NULL && err == 0;
         entry = readdir(folder)) {
        if (!parse_number(entry->d_name, prefix, digits, &number)) continue;
        if (*count == capacity) {
            uint64_t *more = realloc(*numbers, 2 * capacity * sizeof **numbers);
            err = more == NULL ? ENOMEM : *count >= NUMBERS_MAX ? EMFILE : 0;
            if (more != NULL) *numbers = more;
            capacity *= 2;
        }
        if (err == 0) insert_sorted(*numbers, (*count)++, number);
    }
    (void)closedir(folder);
    if (err == 0) return 0;
    free(*numbers);
    *numbers = NULL;
    *count = 0;
    return err;
}
