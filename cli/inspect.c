/* cli/inspect.c: `nika inspect`: what a node's data directory holds, and whether it is what was written. Changes nothing. */
#include "cli/inspect.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "cli/cli.h"

/* A node that trims while it is read may take a segment away; that is no damage. */
#define TRIES_MAX 5u

enum { OPTION_JSON = 256, OPTION_VERIFY };

struct arguments {
    const char *path;
    bool json, verify;
};

static error_t parse(int key, char *text, struct argp_state *state)
{
    struct arguments *a = state->input;
    switch (key) {
    case OPTION_JSON:
        a->json = true;
        return 0;
    case OPTION_VERIFY:
        a->verify = true;
        return 0;
    default:
        return cli_parse_word(key, text, state, &a->path, "directory", "which directory?");
    }
}

static const struct argp_option options[] = {
    {"json", OPTION_JSON, NULL, 0, "print one JSON object", 0},
    {"verify", OPTION_VERIFY, NULL, 0,
     "only say whether all is intact; exit code 1 when something is not", 0},
    {0}};
static const struct argp argp = {
    options,
    parse,
    "DATA_DIR",
    "Show what the data directory of a node holds: log, certificates, snapshots.\v"
    "Every checksum is checked, every snapshot's chunks must lead to its root, and the frames of a "
    "certificate must agree and have different senders. Signatures are not checked: there are no "
    "keys in a data directory. Nothing is changed, and the node may be running.\n\n"
    "  nika inspect out/t/node-0/data\n  nika inspect --verify out/t/node-0/data",
    NULL,
    NULL,
    NULL};

/* ---- reading ---- */
static void look_for_holder(struct inspect *in)
{
    int file = openat(in->files.dir, NIKA_LOCK_FILE, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    if (flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        ssize_t size = pread(file, in->holder, sizeof in->holder - 1, 0);
        in->holder[size > 0 ? strcspn(in->holder, "\n") : 0] = '\0';
        in->in_use = true;
    }
    (void)close(file);
}

static enum nika_err survey(struct inspect *in)
{
    enum nika_err err = NIKA_OK;
    for (uint32_t i = 0; i < TRIES_MAX; i++) {
        nika_journal_survey_free(&in->survey);
        err = nika_journal_survey(&in->files, NULL, &in->survey, &in->error);
        if (!in->in_use || (err == NIKA_OK && in->survey.state != NIKA_JOURNAL_DAMAGED)) break;
    }
    return err;
}

static bool read_snapshots(struct inspect *in)
{
    uint64_t *numbers;
    uint32_t count;
    int failed =
        nika_file_numbers(&in->files, NIKA_SNAPSHOT_PREFIX, NIKA_SNAPSHOT_DIGITS, &numbers, &count);
    if (failed != 0) {
        nika_disk_say(&in->error, "%s: %s", in->path, strerror(failed));
        return false;
    }
    for (uint32_t i = 0; i < count && in->snapshot_count < ARRAY_COUNT(in->snapshots); i++) {
        struct inspect_snapshot *s = &in->snapshots[in->snapshot_count];
        struct nika_snapshot_view view;
        uint8_t *data = NULL;
        *s = (struct inspect_snapshot){.seq = numbers[i]};
        s->good = nika_snapshot_read(&in->files, numbers[i], &data, &view, &s->problem) == NIKA_OK;
        free(data);
        char name[NIKA_FILE_NAME_SIZE];
        nika_snapshot_name(numbers[i], name);
        if (in->in_use && !nika_file_exists(&in->files, name)) continue; /* Dropped meanwhile. */
        in->snapshot_count++;
        if (!s->good) continue;
        s->meta = view.meta;
        s->module_size = view.module.size;
        s->foreign = in->survey.has_manifest &&
                     !nika_journal_identity_equal(&view.identity, &in->survey.manifest.identity);
        if (s->foreign)
            nika_disk_say(&s->problem, "belongs to replica %u of another group or directory",
                          view.identity.replica);
    }
    free(numbers);
    return true;
}

static void count_set_aside(struct inspect *in)
{
    int copy = openat(in->files.dir, "damaged", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = copy < 0 ? NULL : fdopendir(copy);
    if (folder == NULL) return;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
        if (entry->d_name[0] != '.') in->set_aside++;
    (void)closedir(folder);
}

static bool read_all(struct inspect *in)
{
    look_for_holder(in);
    if (survey(in) != NIKA_OK || !read_snapshots(in)) return false;
    count_set_aside(in);
    if (in->survey.state == NIKA_JOURNAL_NEW && !in->survey.has_mark) {
        nika_disk_say(&in->error,
                      "%s: no data directory of a node: it has no file " NIKA_IDENTITY_FILE
                      " and no log",
                      in->path);
        return false;
    }
    for (uint32_t i = 0; i < nika_protocol_count; i++)
        if (nika_protocol_list[i].id == in->survey.manifest.identity.protocol)
            in->protocol = &nika_protocol_list[i];
    return true;
}

/* ---- judging ---- */
const char *inspect_state(const struct inspect *in)
{
    if (in->survey.state == NIKA_JOURNAL_NEW) return "new";
    if (in->survey.state == NIKA_JOURNAL_DAMAGED) return "damaged";
    if (in->survey.forgotten) return "forgotten";
    return in->survey.problem[0] != '\0' ? "torn tail" : "intact";
}

bool inspect_is_bad(const struct inspect *in)
{
    bool bad = in->survey.state == NIKA_JOURNAL_DAMAGED || in->survey.forgotten ||
               in->bad_records > 0 || in->failed;
    for (uint32_t i = 0; i < in->snapshot_count; i++)
        bad = bad || !in->snapshots[i].good || in->snapshots[i].foreign;
    return bad;
}

/* ---- text ---- */
static void print_head(const struct inspect *in)
{
    const struct nika_journal_survey *s = &in->survey;
    const struct nika_journal_identity *id = &s->manifest.identity;
    char group[2 * NIKA_DIGEST_SIZE + 1];
    uint32_t records = 0;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        records += s->segments[i].records;
        bytes += s->segments[i].end;
    }
    nika_hex(id->group_id.bytes, NIKA_DIGEST_SIZE, group);
    printf("directory  %s\n", in->path);
    if (in->in_use)
        printf("in use     by process %s; what follows may already be history\n", in->holder);
    printf("identity   replica %u, group %s, protocol %s (%u), format %u\n", id->replica, group,
           in->protocol != NULL ? in->protocol->name : "unknown", id->protocol,
           NIKA_DIRECTORY_VERSION);
    printf("state      %s%s%s\n", inspect_state(in), s->problem[0] != '\0' ? ": " : "", s->problem);
    if (s->forgotten)
        printf("forgotten  the replica has lost records once and not yet learned again what it may "
               "have said\n");
    if (in->set_aside > 0)
        printf("damaged    %u files were set aside in %s/damaged\n", in->set_aside, in->path);
    printf(
        "log        %u segments (%llu to %llu), %u records, %llu bytes; trimmed to %llu; durable "
        "to segment %llu, offset %u\n",
        s->count, (unsigned long long)s->manifest.first, (unsigned long long)s->manifest.last,
        records, (unsigned long long)bytes, (unsigned long long)s->index.trimmed,
        (unsigned long long)s->mark.segment, s->mark.offset);
}

struct printing {
    struct inspect *in;
    struct inspect_record *record;
    uint64_t segment;
};

static void print_frames(const struct inspect_record *r)
{
    for (uint32_t i = 0; i < r->frame_count; i++)
        printf("%26s%s from %u: %s\n", "", r->frames[i].name, r->frames[i].sender,
               r->frames[i].text);
    if (r->frames_more > 0) printf("%26sand %u more frames\n", "", r->frames_more);
    if (r->batch[0] != '\0') printf("%26sBATCH %s\n", "", r->batch);
    if (r->rest > 0) printf("%26s%u bytes\n", "", r->rest);
}

static void print_record(void *context, const struct nika_journal_entry *entry)
{
    struct printing *p = context;
    struct inspect_record *r = p->record;
    if (entry->record.kind >= NIKA_KIND_RESERVED) return;
    inspect_record_read(p->in->protocol != NULL ? p->in->protocol->replica : NULL, entry, r);
    if (r->problem[0] != '\0') p->in->bad_records++;
    if (p->in->verify) {
        char name[NIKA_FILE_NAME_SIZE];
        nika_journal_name(entry->segment, name);
        if (r->problem[0] != '\0')
            printf("bad        %s/%s: offset %u: %s: %s\n", p->in->path, name, entry->offset,
                   r->what, r->problem);
        return;
    }
    if (entry->segment != p->segment) {
        char name[NIKA_FILE_NAME_SIZE];
        nika_journal_name(entry->segment, name);
        printf("\n%s\n%10s %8s  kind         seq\n", name, "offset", "bytes");
        p->segment = entry->segment;
    }
    printf("%10u %8u  0x%02x  %10llu  %s%s%s%s%s\n", entry->offset, entry->size, entry->record.kind,
           (unsigned long long)entry->record.seq, r->what, entry->live ? "" : ", dead",
           entry->carried ? ", carried on" : "", r->problem[0] != '\0' ? ", BAD: " : "",
           r->problem);
    print_frames(r);
}

static void print_records(struct inspect *in)
{
    struct printing p = {.in = in, .record = calloc(1, sizeof *p.record)};
    const struct nika_journal_survey *s = &in->survey;
    in->failed = p.record == NULL || nika_journal_walk(&in->files, s->segments, s->count, &s->index,
                                                       print_record, &p, &in->error) != NIKA_OK;
    free(p.record);
}

static void print_snapshots(const struct inspect *in)
{
    char root[2 * NIKA_DIGEST_SIZE + 1];
    printf("snapshots  %u\n", in->snapshot_count);
    for (uint32_t i = 0; i < in->snapshot_count; i++) {
        const struct inspect_snapshot *s = &in->snapshots[i];
        char name[NIKA_FILE_NAME_SIZE];
        nika_snapshot_name(s->seq, name);
        if (!s->good || s->foreign) {
            printf("  %s  BAD: %s\n", name, s->problem.text);
            continue;
        }
        nika_hex(s->meta.root.bytes, NIKA_DIGEST_SIZE, root);
        printf("  %s  intact: %llu bytes in %u chunks, root %s, module %u bytes\n", name,
               (unsigned long long)s->meta.total_size, s->meta.chunk_count, root, s->module_size);
    }
}

static int show(struct inspect *in, const struct arguments *a)
{
    if (a->json) {
        inspect_json(in, stdout);
    } else {
        print_head(in);
        print_snapshots(in);
        print_records(in);
        if (a->verify)
            printf("verdict    %s\n", inspect_is_bad(in) ? "NOT INTACT" : "all is intact");
    }
    if (in->failed) fprintf(stderr, "nika: %s\n", in->error.text);
    return a->verify && inspect_is_bad(in) ? 1 : in->failed ? NIKA_EXIT_INCONCLUSIVE : 0;
}

static int run(int argc, char **argv)
{
    struct arguments a = {0};
    cli_parse(&argp, argc, argv, &a);
    struct inspect *in = calloc(1, sizeof *in);
    if (in == NULL) return NIKA_EXIT_INCONCLUSIVE;
    in->path = a.path;
    in->verify = a.verify;
    in->files = (struct nika_files){.ops = &nika_file_system, .path = a.path};
    in->files.dir = open(a.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int status = NIKA_EXIT_USAGE;
    if (in->files.dir < 0) {
        fprintf(stderr, "nika: %s: %s; expected the data directory of a node\n", a.path,
                strerror(errno));
    } else if (!read_all(in)) {
        fprintf(stderr, "nika: %s\n", in->error.text);
    } else {
        status = show(in, &a);
    }
    nika_journal_survey_free(&in->survey);
    if (in->files.dir >= 0) (void)close(in->files.dir);
    free(in);
    return status;
}

const struct cli_command cli_inspect = {
    "inspect",
    "DATA_DIR",
    "show and verify a node's log and snapshots",
    "Shows the data directory of a node: whose it is, the segments of its log with every record "
    "and "
    "the frames in it, certificates, snapshots. Says exactly what is damaged: file, offset, and "
    "what was expected. A torn tail that was never acknowledged is no damage. With --verify the "
    "exit code is 1 when something is damaged or the replica has still to learn again what it "
    "forgot. Directories that are no data directory, and of other formats, are usage errors.",
    &argp,
    run};
