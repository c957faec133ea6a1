/* cli/inspect_json.c: a data directory as one JSON object, for tools. Keys are stable; new ones may come. */
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/inspect.h"

static json_t *hex(const uint8_t *bytes, uint32_t size)
{
    char text[2 * NIKA_DIGEST_SIZE + 1];
    nika_hex(bytes, size, text);
    return json_string(text);
}

static json_t *json_frame(const struct inspect_frame *f)
{
    return json_pack("{s:s, s:i, s:I, s:I, s:s}", "name", f->name, "type", (int)f->type, "sender",
                     (json_int_t)f->sender, "size", (json_int_t)f->size, "fields", f->text);
}

struct building {
    struct inspect *in;
    struct inspect_record *record;
    json_t *segments; /* Of the log; the records of an entry go to the one of its number. */
};

static void add_record(void *context, const struct nika_journal_entry *entry)
{
    struct building *b = context;
    if (entry->record.kind >= NIKA_KIND_RESERVED) return;
    struct inspect_record *r = b->record;
    inspect_record_read(b->in->protocol != NULL ? b->in->protocol->replica : NULL, entry, r);
    json_t *one = json_pack("{s:I, s:I, s:i, s:I, s:b, s:b, s:s}", "offset",
                            (json_int_t)entry->offset, "size", (json_int_t)entry->size, "kind",
                            (int)entry->record.kind, "seq", (json_int_t)entry->record.seq, "live",
                            (int)entry->live, "carried", (int)entry->carried, "what", r->what);
    if (r->frame_count > 0) {
        json_t *frames = json_array();
        for (uint32_t i = 0; i < r->frame_count; i++)
            json_array_append_new(frames, json_frame(&r->frames[i]));
        json_object_set_new(one, "frames", frames);
        json_object_set_new(one, "view", json_integer((json_int_t)r->summary.view));
        if (r->summary.has_digest)
            json_object_set_new(one, "digest", hex(r->summary.digest.bytes, NIKA_DIGEST_SIZE));
    }
    if (r->batch[0] != '\0') json_object_set_new(one, "batch", json_string(r->batch));
    if (r->problem[0] != '\0') {
        json_object_set_new(one, "problem", json_string(r->problem));
        b->in->bad_records++;
    }
    uint64_t at = entry->segment - b->in->survey.segments[0].number;
    json_t *segment = json_array_get(b->segments, (size_t)at);
    json_array_append_new(json_object_get(segment, "records"), one);
}

static json_t *json_segments(struct inspect *in)
{
    const struct nika_journal_survey *s = &in->survey;
    json_t *list = json_array();
    for (uint32_t i = 0; i < s->count; i++) {
        char name[NIKA_FILE_NAME_SIZE];
        nika_journal_name(s->segments[i].number, name);
        json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:[]}", "name", name, "size",
                                              (json_int_t)s->segments[i].size, "end",
                                              (json_int_t)s->segments[i].end, "records"));
    }
    struct building b = {in, calloc(1, sizeof *b.record), list};
    if (b.record == NULL) return list;
    in->failed = nika_journal_walk(&in->files, s->segments, s->count, &s->index, add_record, &b,
                                   &in->error) != NIKA_OK;
    free(b.record);
    return list;
}

static json_t *json_snapshots(const struct inspect *in)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < in->snapshot_count; i++) {
        const struct inspect_snapshot *s = &in->snapshots[i];
        char name[NIKA_FILE_NAME_SIZE];
        nika_snapshot_name(s->seq, name);
        json_t *one = json_pack("{s:s, s:I, s:b}", "name", name, "seq", (json_int_t)s->seq,
                                "intact", (int)(s->good && !s->foreign));
        if (s->good) {
            json_object_set_new(one, "chunks", json_integer(s->meta.chunk_count));
            json_object_set_new(one, "bytes", json_integer((json_int_t)s->meta.total_size));
            json_object_set_new(one, "module_bytes", json_integer(s->module_size));
            json_object_set_new(one, "root", hex(s->meta.root.bytes, NIKA_DIGEST_SIZE));
        }
        if (s->problem.text[0] != '\0')
            json_object_set_new(one, "problem", json_string(s->problem.text));
        json_array_append_new(list, one);
    }
    return list;
}

void inspect_json(struct inspect *in, FILE *file)
{
    const struct nika_journal_survey *s = &in->survey;
    json_t *segments = json_segments(in);
    const struct nika_journal_identity *id = &s->manifest.identity;
    json_t *identity =
        json_pack("{s:I, s:o, s:I, s:s?, s:I}", "replica", (json_int_t)id->replica, "group",
                  hex(id->group_id.bytes, NIKA_DIGEST_SIZE), "protocol", (json_int_t)id->protocol,
                  "protocol_name", in->protocol != NULL ? in->protocol->name : NULL, "format",
                  (json_int_t)NIKA_DIRECTORY_VERSION);
    json_t *log =
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "first", (json_int_t)s->manifest.first, "last",
                  (json_int_t)s->manifest.last, "trimmed", (json_int_t)s->index.trimmed,
                  "durable_segment", (json_int_t)s->mark.segment, "durable_offset",
                  (json_int_t)s->mark.offset, "segments", segments);
    json_t *all =
        json_pack("{s:s, s:o, s:s, s:s, s:b, s:b, s:o, s:o, s:I}", "directory", in->path,
                  "identity", identity, "state", inspect_state(in), "problem", s->problem, "in_use",
                  (int)in->in_use, "good", (int)!inspect_is_bad(in), "log", log, "snapshots",
                  json_snapshots(in), "set_aside", (json_int_t)in->set_aside);
    if (all != NULL) cli_json_version(all, "inspect");
    if (all == NULL || json_dumpf(all, file, JSON_SORT_KEYS) != 0)
        in->failed = true;
    else
        fputc('\n', file);
    json_decref(all);
}
