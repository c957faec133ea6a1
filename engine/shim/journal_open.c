/* engine/shim/journal_open.c: making a surveyed log ready to append to: laying out, cutting a torn tail, setting damage aside; see journal.h.
 *
 * Whatever recovery hands to a module is durable first, whether or not it was acknowledged before: the module will rely on it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/core/assert.h"
#include "engine/shim/journal_private.h"

static enum nika_err say(const struct nika_journal *log, const char *name, int err,
                         struct nika_disk_store_error *error)
{
    nika_disk_say(error, "%s/%s: %s", log->files.path, name, strerror(err));
    return NIKA_ERR_IO;
}

static int mark_sync(struct nika_journal *log)
{
    return -log->files.ops->sync(log->files.context, log->mark_file);
}

/* The identity file is written last: until it is there, the directory counts as new. */
static int lay_out(struct nika_journal *log)
{
    nika_journal_mark_put(log, 1, NIKA_HEAD_SIZE);
    int err = mark_sync(log);
    return err != 0 ? err : nika_journal_segment_new(log, 1, 0);
}

/* Segments that the log does not have: those that a crash kept from being removed, and one that was begun. `aside` keeps the later
 * ones, for they hold what the damage cut off. */
static int strays_remove(struct nika_journal *log, bool aside)
{
    uint64_t *numbers;
    uint32_t count;
    uint64_t first = log->count > 0 ? log->segments[0].number : 0;
    uint64_t last = log->count > 0 ? log->segments[log->count - 1].number : 0;
    int err =
        nika_file_numbers(&log->files, NIKA_JOURNAL_PREFIX, NIKA_JOURNAL_DIGITS, &numbers, &count);
    if (err != 0) return err;
    for (uint32_t i = 0; i < count && err == 0; i++) {
        char name[NIKA_FILE_NAME_SIZE];
        if (numbers[i] >= first && numbers[i] <= last) continue;
        nika_journal_name(numbers[i], name);
        if (numbers[i] > last && aside)
            err = nika_file_set_aside(&log->files, name);
        else
            err = -log->files.ops->remove(log->files.context, log->files.dir, name);
    }
    free(numbers);
    return err;
}

/* Go on behind the last good record. */
static int take_up(struct nika_journal *log)
{
    const struct nika_file_ops *ops = log->files.ops;
    struct nika_journal_segment *last = &log->segments[log->count - 1];
    char name[NIKA_FILE_NAME_SIZE];
    int err = strays_remove(log, false);
    if (err != 0) return err;
    nika_journal_name(last->number, name);
    log->file = ops->open(log->files.context, log->files.dir, name, false);
    if (log->file < 0) return -log->file;
    if (last->size > last->end) err = -ops->truncate(log->files.context, log->file, last->end);
    if (err == 0) err = -ops->sync(log->files.context, log->file);
    if (err == 0) err = -ops->sync_dir(log->files.context, log->files.dir);
    if (err != 0) return err;
    last->size = log->durable = last->end;
    nika_journal_mark_put(log, last->number, last->end);
    return mark_sync(log);
}

/* Keep the good prefix and go on in a new segment behind it. The marker comes first: a crash on the way must not leave a log that
 * looks whole. */
static int repair(struct nika_journal *log, const struct nika_journal_survey *survey)
{
    struct nika_span text = {(const uint8_t *)survey->problem, (uint32_t)strlen(survey->problem)};
    int err = nika_file_replace(&log->files, NIKA_FORGOTTEN_FILE, text);
    if (err == 0) err = strays_remove(log, true);
    if (err != 0) return err;
    uint64_t number =
        survey->damage_segment <= NIKA_JOURNAL_NUMBER_MAX ? survey->damage_segment : 1;
    uint32_t previous_end = 0;
    if (log->count > 0) {
        const struct nika_journal_segment *last = &log->segments[log->count - 1];
        number = last->number + 1;
        previous_end = last->end;
    }
    err = nika_journal_segment_new(log, number, previous_end);
    return err != 0 ? err : mark_sync(log);
}

static void say_forgotten(const struct nika_journal *log, struct nika_disk_store_error *error)
{
    uint8_t text[320];
    uint32_t size = 0;
    (void)nika_file_read_part(&log->files, NIKA_FORGOTTEN_FILE, 0, text, sizeof text, &size);
    nika_disk_say(error, "%s/%s: the log was damaged before and not yet learned again: %.*s",
                  log->files.path, NIKA_FORGOTTEN_FILE, (int)size, (const char *)text);
}

static enum nika_err make_ready(struct nika_journal *log, const struct nika_journal_survey *survey,
                                struct nika_disk_store_error *error)
{
    int err = 0;
    log->mark_file =
        log->files.ops->open(log->files.context, log->files.dir, NIKA_MARK_FILE, false);
    if (log->mark_file < 0) return say(log, NIKA_MARK_FILE, -log->mark_file, error);
    switch (survey->state) {
    case NIKA_JOURNAL_NEW:
        err = lay_out(log);
        break;
    case NIKA_JOURNAL_GOOD:
        err = take_up(log);
        break;
    case NIKA_JOURNAL_DAMAGED:
        err = repair(log, survey);
        break;
    }
    if (err != 0) return say(log, "log", err, error);
    if (survey->state == NIKA_JOURNAL_DAMAGED)
        nika_disk_say(error, "%s", survey->problem);
    else if (survey->forgotten)
        say_forgotten(log, error);
    else
        nika_disk_say(error, "%s", survey->problem);
    return NIKA_OK;
}

enum nika_err nika_journal_open(const struct nika_journal_options *options,
                                struct nika_journal **out, enum nika_journal_state *state,
                                struct nika_disk_store_error *error)
{
    struct nika_journal_survey survey;
    uint32_t segment_bytes = options->segment_bytes;
    *out = NULL;
    if (segment_bytes == 0) segment_bytes = NIKA_JOURNAL_SEGMENT_BYTES;
    if (segment_bytes < 4096 || segment_bytes > NIKA_JOURNAL_SEGMENT_BYTES_MAX) {
        nika_disk_say(error, "segment_bytes: expected 4096..%u, got %u",
                      NIKA_JOURNAL_SEGMENT_BYTES_MAX, segment_bytes);
        return NIKA_ERR_CONFIG;
    }
    enum nika_err err = nika_journal_survey(&options->files, &options->identity, &survey, error);
    struct nika_journal *log = err == NIKA_OK ? calloc(1, sizeof *log) : NULL;
    if (log == NULL) {
        nika_journal_survey_free(&survey);
        if (err == NIKA_OK) nika_disk_say(error, "%s: out of memory", options->files.path);
        return err != NIKA_OK ? err : NIKA_ERR_IO;
    }
    log->files = options->files;
    log->identity = options->identity;
    log->segment_bytes = segment_bytes;
    log->file = log->mark_file = -1;
    log->mark = survey.mark;
    log->index = survey.index;
    log->segments = survey.segments;
    log->count = log->capacity = survey.count;
    *state = survey.forgotten ? NIKA_JOURNAL_DAMAGED : survey.state;
    err = make_ready(log, &survey, error);
    if (err != NIKA_OK) {
        nika_journal_close(log);
        return err;
    }
    *out = log;
    return NIKA_OK;
}

enum nika_err nika_journal_recover(const struct nika_journal *log, nika_journal_visit *visit,
                                   void *context, struct nika_disk_store_error *error)
{
    return nika_journal_walk_live(&log->files, log->segments, log->count, &log->index, visit,
                                  context, error);
}
