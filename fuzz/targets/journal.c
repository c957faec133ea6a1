/* fuzz/targets/journal.c: recovery of a data directory whose files hold any bytes (PROTOCOLS.md 1.12).
 *
 * Input: parts, each size u16 | bytes, in the order of `names`; a missing part is a missing file. Whatever is there: opening ends with an
 * error that says why, or with a log that takes records and gives them back. The directory is one of ours, in memory. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/shim/journal.h"
#include "fuzz/targets/target.h"

#define SIZE_MAX_INPUT (16u * 1024u)
static const char *const names[] = {NIKA_IDENTITY_FILE, NIKA_MARK_FILE,   "log-0000000000",
                                    "log-0000000001",   "log-0000000002", NIKA_FORGOTTEN_FILE};
static const struct nika_journal_identity identity = {.replica = 1, .protocol = 1};
static const uint8_t mine[] = "a record of the run";

/* Made once a process and used by one input at a time. */
static char folder[48];
static int folder_fd = -1;

static void remove_folder(void)
{
    if (folder_fd >= 0) rmdir(folder);
}

static void empty(int dir)
{
    DIR *list = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY));
    NIKA_TARGET_CHECK(list != NULL, "cannot list %s", folder);
    for (struct dirent *entry; (entry = readdir(list)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (unlinkat(dir, entry->d_name, 0) == 0) continue;
        int below = openat(dir, entry->d_name, O_RDONLY | O_DIRECTORY);
        NIKA_TARGET_CHECK(below >= 0, "cannot remove %s/%s", folder, entry->d_name);
        empty(below);
        close(below);
        unlinkat(dir, entry->d_name, AT_REMOVEDIR);
    }
    closedir(list);
}

static void open_folder(void)
{
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    if (folder_fd < 0) {
        snprintf(folder, sizeof folder, "%s/nika-fuzz.%ld", base, (long)getpid());
        NIKA_TARGET_CHECK(mkdir(folder, 0700) == 0 || errno == EEXIST, "cannot make %s", folder);
        folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        atexit(remove_folder);
    }
    NIKA_TARGET_CHECK(folder_fd >= 0, "cannot open %s", folder);
    empty(folder_fd);
}

static void lay_out(struct nika_span input)
{
    struct nika_reader r = nika_reader_of(input);
    for (uint32_t i = 0; i < ARRAY_COUNT(names) && nika_reader_left(&r) >= 2; i++) {
        uint32_t size = nika_read_u16(&r);
        if (size > nika_reader_left(&r)) size = nika_reader_left(&r);
        const uint8_t *bytes = nika_read_raw(&r, size);
        if (size == 0) continue;
        int file = openat(folder_fd, names[i], O_WRONLY | O_CREAT | O_TRUNC, 0600);
        NIKA_TARGET_CHECK(file >= 0 && write(file, bytes, size) == (ssize_t)size, "cannot write %s",
                          names[i]);
        close(file);
    }
}

struct found {
    uint32_t records;
    bool mine;
};

static void visit(void *context, const struct nika_journal_entry *entry)
{
    struct found *found = context;
    found->records++;
    struct nika_span payload = entry->record.payload;
    found->mine = found->mine ||
                  (payload.size == sizeof mine && memcmp(payload.data, mine, sizeof mine) == 0);
}

/* NULL when the directory is refused, which must be said. */
static struct nika_journal *open_log(struct nika_files *files, enum nika_journal_state *state)
{
    struct nika_journal_options options = {.files = *files, .identity = identity};
    struct nika_journal *log = NULL;
    struct nika_disk_store_error error = {""};
    enum nika_err err = nika_journal_open(&options, &log, state, &error);
    if (err == NIKA_OK) {
        NIKA_TARGET_CHECK(*state != NIKA_JOURNAL_DAMAGED || error.text[0] != '\0',
                          "damage without a word about where it is");
        return log;
    }
    NIKA_TARGET_CHECK(error.text[0] != '\0', "refused without a reason");
    nika_journal_close(log);
    return NULL;
}

static void run(struct nika_span input)
{
    enum nika_journal_state state, again;
    struct found before = {0}, after = {0};
    struct nika_disk_store_error error = {""};
    open_folder();
    lay_out(input);
    struct nika_files files = {.ops = &nika_file_system, .dir = folder_fd, .path = folder};
    struct nika_journal *log = open_log(&files, &state);
    if (log == NULL) return;
    NIKA_TARGET_CHECK(nika_journal_recover(log, visit, &before, &error) == NIKA_OK,
                      "what opened cannot be read: %s", error.text);
    struct nika_span payload = {mine, sizeof mine};
    NIKA_TARGET_CHECK(nika_journal_append(log, NIKA_RECORD_LATEST | 5u, 1, payload) == 0 &&
                          nika_journal_commit(log) == 0,
                      "what opened takes no record");
    nika_journal_close(log);
    log = open_log(&files, &again);
    NIKA_TARGET_CHECK(log != NULL, "what opened once does not open again");
    NIKA_TARGET_CHECK((again == NIKA_JOURNAL_DAMAGED) == (state == NIKA_JOURNAL_DAMAGED),
                      "damage is remembered at one open and not at the other");
    NIKA_TARGET_CHECK(nika_journal_recover(log, visit, &after, &error) == NIKA_OK,
                      "what opened again cannot be read: %s", error.text);
    NIKA_TARGET_CHECK(after.mine, "an acknowledged record is gone");
    NIKA_TARGET_CHECK(after.records + 1 >= before.records, "%u records were there, %u are",
                      before.records, after.records);
    nika_journal_close(log);
}

static void add_part(struct nika_writer *w, const char *name)
{
    static uint8_t bytes[SIZE_MAX_INPUT];
    int file = openat(folder_fd, name, O_RDONLY);
    ssize_t size = file < 0 ? 0 : read(file, bytes, sizeof bytes);
    NIKA_TARGET_CHECK(size >= 0, "cannot read %s", name);
    if (file >= 0) close(file);
    nika_write_u16(w, (uint16_t)size);
    nika_write_raw(w, bytes, (uint32_t)size);
}

/* Directories that the log itself wrote: new, with records, with several segments. */
static void seeds(nika_target_seed *seed, void *context)
{
    static const char *const titles[] = {"new", "records", "segments"};
    static uint8_t bytes[SIZE_MAX_INPUT];
    for (uint32_t i = 0; i < ARRAY_COUNT(titles); i++) {
        struct nika_journal *log;
        enum nika_journal_state state;
        open_folder();
        struct nika_files files = {.ops = &nika_file_system, .dir = folder_fd, .path = folder};
        struct nika_journal_options options = {
            .files = files, .identity = identity, .segment_bytes = i == 2 ? 4096 : 0};
        NIKA_TARGET_CHECK(nika_journal_open(&options, &log, &state, NULL) == NIKA_OK, "no log");
        for (uint32_t k = 0; k < 12 * i; k++) {
            uint8_t kind = (uint8_t)(k % 3 == 2 ? NIKA_RECORD_LATEST | (k % 2) : 1);
            NIKA_TARGET_CHECK(
                nika_journal_append(log, kind, k,
                                    (struct nika_span){bytes, (i == 2 ? 400 : 20) + k}) == 0 &&
                    nika_journal_commit(log) == 0,
                "cannot append");
        }
        nika_journal_close(log);
        struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
        for (uint32_t k = 0; k < ARRAY_COUNT(names); k++) add_part(&w, names[k]);
        seed(context, titles[i], (struct nika_span){bytes, w.at});
    }
}

const struct nika_target nika_target_journal = {
    .name = "journal",
    .doc = "Recovery of a write-ahead log from any bytes: an error with a reason, or a log that "
           "keeps what it is given.",
    .size_max = SIZE_MAX_INPUT,
    .run = run,
    .seeds = seeds,
};
