/* tests/engine/shim/disk_faults.h: a file system that fails, tears and stops on demand.
 *
 * It works on a real directory, and remembers how to undo what was not synced: the data of each file, and names. At a crash it undoes as
 * much as a kind of crash would; then every call fails until it is started again. Syncs never reach the device, so tests are fast. */
#ifndef TESTS_ENGINE_SHIM_DISK_FAULTS_H
#define TESTS_ENGINE_SHIM_DISK_FAULTS_H

#include "engine/shim/file.h"

enum crash_kind {
    CRASH_KILL, /* The process dies: all that was written is there, and what was not synced may still be lost by the next crash. */
    CRASH_POWER,      /* Nothing that was not synced is there. */
    CRASH_NAMES_KEPT, /* Names are there, data is not: files of zero bytes under their final names. */
    CRASH_DATA_KEPT, /* Data is there, names are not. */
    CRASH_NEW_NAMES_LOST, /* As CRASH_POWER, but renames and removals became durable before the creation of files. */
    CRASH_REORDER, /* Of each write that was not synced only the later sectors reached the device. */
    CRASH_KINDS,
};

struct disk_faults;
/* Over the directory `path`, which exists; its undo files go to `path`.undo, which is made. */
struct disk_faults *disk_faults_new(const char *path);
void disk_faults_free(struct disk_faults *f);
struct nika_files disk_faults_files(struct disk_faults *f);
/* Calls so far. */
uint32_t disk_faults_calls(const struct disk_faults *f);
/* The machine stops in the `call`-th call from now (1 = the next); a write in it is half done. 0 = never. */
void disk_faults_crash_at(struct disk_faults *f, uint32_t call);
/* Calls `from` to `to` from now fail with `err`; a failing write is half done. */
void disk_faults_fail(struct disk_faults *f, uint32_t from, uint32_t to, int err);
bool disk_faults_crashed(const struct disk_faults *f);
/* Undo what this kind of crash loses, and work again. */
void disk_faults_restart(struct disk_faults *f, enum crash_kind kind);
/* Make an empty folder, in memory where there is such a file system. */
void disk_faults_folder(char path[64]);
/* Remove a directory and all in it. */
void disk_faults_remove_tree(const char *path);

#endif
