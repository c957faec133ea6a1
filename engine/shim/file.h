/* engine/shim/file.h: the few calls by which the durable half touches a data directory, and what is built of them.
 *
 * All names are relative to one directory. The calls are a table so that a test can let each of them fail, tear or be the last one
 * before a crash. Never retries a failed sync: what a device lost is known only to whoever wrote it. */
#ifndef ENGINE_SHIM_FILE_H
#define ENGINE_SHIM_FILE_H

#include "engine/core/err.h"
#include "engine/core/types.h"

#define NIKA_FILE_NAME_SIZE 48u
/* A file that one read takes: the largest log segment with the largest record in it. */
#define NIKA_FILE_SIZE_MAX (512u * 1024u * 1024u)

/* What went wrong, in one line that names the file and the offset: for the log of the node and for operators. */
struct nika_disk_store_error {
    char text[512];
};
/* Format into `error` (may be NULL). Too long a text is cut. */
void nika_disk_say(struct nika_disk_store_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Each returns 0 (write: the bytes written, at least 1) or a negated errno. */
struct nika_file_ops {
    /* Open `name` for reading and writing, mode 0600; created when absent, emptied when `empty`. Returns the descriptor. */
    int (*open)(void *context, int dir, const char *name, bool empty);
    int64_t (*write)(void *context, int file, const void *data, size_t size, uint64_t offset);
    int (*sync)(void *context, int file); /* fdatasync: data and size, not times. */
    int (*truncate)(void *context, int file, uint64_t size);
    int (*rename)(void *context, int dir, const char *from, const char *to); /* Replaces `to`. */
    int (*remove)(void *context, int dir, const char *name);
    int (*sync_dir)(void *context, int dir); /* Makes names durable. */
};
extern const struct nika_file_ops nika_file_system;

/* One directory and how to reach it. Plain data; the descriptor is the owner's. */
struct nika_files {
    const struct nika_file_ops *ops;
    void *context;
    int dir;
    const char *path; /* Of the directory, for messages. */
};

/* Write all of it. 0 or an errno; after an error any part may have been written. */
int nika_file_write_all(const struct nika_files *files, int file, struct nika_span data,
                        uint64_t offset);
/* Make `name` hold exactly `data`, or what it held before, whenever the machine stops: a temporary file, sync, rename, sync of the
 * directory. 0 or an errno. */
int nika_file_replace(const struct nika_files *files, const char *name, struct nika_span data);
/* Remove a name durably. One that is not there is removed already. 0 or an errno. */
int nika_file_remove(const struct nika_files *files, const char *name);
/* Read a whole file into memory that the caller frees. 0 or an errno; EFBIG beyond `size_max`, EINVAL when it is no regular file. */
int nika_file_read(const struct nika_files *files, const char *name, uint32_t size_max,
                   uint8_t **data, uint32_t *size);
/* Read at most `size` bytes from `offset` on; *got says how many there were. 0 or an errno. */
int nika_file_read_part(const struct nika_files *files, const char *name, uint32_t offset,
                        uint8_t *data, uint32_t size, uint32_t *got);
/* Is there such a name? */
bool nika_file_exists(const struct nika_files *files, const char *name);
/* Move a file into the folder `damaged` beside it, for whoever wants to know what happened; never over another one. 0 or an errno. */
int nika_file_set_aside(const struct nika_files *files, const char *name);
/* Remove what nika_file_replace() left when the machine stopped. 0 or an errno. */
int nika_file_clean(const struct nika_files *files);

/* Numbers of all files called `prefix` and exactly `digits` decimal digits, ascending; *numbers is the caller's to free. 0 or an errno. */
int nika_file_numbers(const struct nika_files *files, const char *prefix, uint32_t digits,
                      uint64_t **numbers, uint32_t *count);

#endif
