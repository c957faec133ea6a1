/* cli/report_culprits.c: who is proven guilty by signed messages (engine/oracle/accountability.h), as text, Markdown and JSON. */
#include <inttypes.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "engine/core/digest.h"

/* A NEW-VIEW fills pages; of longer frames the JSON report alone has all. */
#define HEX_SHOWN 400u

/* The signed frame `index` of a conviction in hex, for the reader to check; NULL when there is none. The caller frees it. */
static char *evidence_hex(const struct nika_archive *archive,
                          const struct nika_conviction *conviction, uint32_t index)
{
    struct nika_span frame =
        archive != NULL ? nika_archive_frame(archive, conviction, index) : (struct nika_span){0};
    char *text = frame.size > 0 ? malloc(2 * (size_t)frame.size + 1) : NULL;
    if (text != NULL) nika_hex(frame.data, frame.size, text);
    return text;
}

static void put_count(const struct nika_accusation *a, FILE *file)
{
    fprintf(file, "%" PRIu32 " proven", a->count);
    if (a->promised > 0)
        fprintf(file,
                "; at least %" PRIu32 " promised, because two quorums disagree at sequence number "
                "%" PRIu64,
                a->promised, a->conflict_seq);
    fprintf(file, "%s\n", a->full ? "; the archive was full, there may be more" : "");
}

static const char *blame(const struct nika_conviction *c)
{
    if (c->corrupted) return "";
    return c->kind == NIKA_GUILT_TRUSTED
               ? " (nobody touched it: the trusted subsystem's code is at fault)"
               : " (it runs the protocol: the module is at fault)";
}

void cli_culprits_human(const struct nika_run_result *r, FILE *file)
{
    const struct nika_accusation *a = &r->accusation;
    if (!a->examined) return;
    fprintf(file, "culprits  ");
    put_count(a, file);
    for (uint32_t i = 0; i < a->count; i++) {
        const struct nika_conviction *c = &a->list[i];
        fprintf(file, "          replica %u: %s: %s%s\n", c->replica, nika_guilt_name(c->kind),
                c->sentence, blame(c));
    }
}

void cli_culprits_markdown(const struct cli_finished *f, FILE *file)
{
    const struct nika_accusation *a = &f->result->accusation;
    if (!a->examined) return;
    fprintf(file, "\n## Culprits\n\nFrom signed messages alone: ");
    put_count(a, file);
    for (uint32_t i = 0; i < a->count; i++) {
        const struct nika_conviction *c = &a->list[i];
        fprintf(file, "\n### Replica %u: %s\n\nIt %s%s. That is: %s.\n\nEvidence, as frames:\n\n",
                c->replica, nika_guilt_name(c->kind), c->sentence, blame(c),
                nika_guilt_doc(c->kind));
        for (uint32_t k = 0; k < NIKA_EVIDENCE_FRAMES; k++) {
            char *hex = evidence_hex(f->archive, c, k);
            if (hex != NULL)
                fprintf(file, "    %.*s%s\n", (int)HEX_SHOWN, hex,
                        strlen(hex) > HEX_SHOWN ? "..." : "");
            free(hex);
        }
    }
}

json_t *cli_culprits_json(const struct cli_finished *f)
{
    const struct nika_accusation *a = &f->result->accusation;
    if (!a->examined) return json_null();
    json_t *list = json_array(), *replicas = json_array();
    for (uint32_t i = 0; i < a->count; i++) {
        const struct nika_conviction *c = &a->list[i];
        json_t *frames = json_array();
        for (uint32_t k = 0; k < NIKA_EVIDENCE_FRAMES; k++) {
            char *hex = evidence_hex(f->archive, c, k);
            if (hex != NULL) json_array_append_new(frames, json_string(hex));
            free(hex);
        }
        json_array_append_new(replicas, json_integer(c->replica));
        json_array_append_new(list, json_pack("{s:i, s:s, s:b, s:s, s:I, s:I, s:o}", "replica",
                                              (int)c->replica, "kind", nika_guilt_name(c->kind),
                                              "corrupted", (int)c->corrupted, "sentence",
                                              c->sentence, "view", (json_int_t)c->view, "sequence",
                                              (json_int_t)c->seq, "evidence", frames));
    }
    return json_pack("{s:o, s:o, s:i, s:b, s:b}", "culprits", replicas, "convictions", list,
                     "promised", (int)a->promised, "quorums_conflict", (int)a->conflict,
                     "archive_full", (int)a->full);
}
