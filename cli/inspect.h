/* cli/inspect.h: what `nika inspect` has read of a data directory, shared by its text and its JSON. */
#ifndef CLI_INSPECT_H
#define CLI_INSPECT_H

#include <stdio.h>

#include "engine/core/digest.h"
#include "engine/shim/journal_survey.h"
#include "engine/shim/snapshots.h"
#include "protocols/registry.h"

#define INSPECT_FRAMES_MAX 160u /* Frames of one record: a certificate of all replicas, and more. */
#define INSPECT_TEXT_SIZE 400u

struct inspect_frame {
    uint8_t type;
    const char *name; /* "PREPARE"; "?" when the protocol has no such message. */
    uint32_t sender, size;
    struct nika_summary summary;
    char text[INSPECT_TEXT_SIZE]; /* Fields. */
};
/* A record of a module, taken apart as far as its protocol is known. */
struct inspect_record {
    struct nika_journal_entry entry;
    const char *what; /* "proposal", "prepared certificate", "record". */
    struct nika_summary summary;
    uint32_t frame_count, frames_more; /* Shown, and beyond INSPECT_FRAMES_MAX. */
    struct inspect_frame frames[INSPECT_FRAMES_MAX];
    char batch[INSPECT_TEXT_SIZE]; /* A batch body behind the frames; "" = none. */
    uint32_t rest;                 /* Bytes that are none of these. */
    /* Of a certificate: "" when its frames agree and have different senders; else what is wrong. */
    const char *problem;
};
/* `replica_ops` NULL: only what every record has. */
void inspect_record_read(const struct nika_replica_ops *replica_ops,
                         const struct nika_journal_entry *entry, struct inspect_record *out);

struct inspect_snapshot {
    uint64_t seq;
    uint32_t size, module_size;
    struct nika_snapshot_meta meta;
    bool good, foreign;
    struct nika_disk_store_error problem;
};
struct inspect {
    const char *path;
    struct nika_files files;
    bool verify, in_use;
    char holder[24]; /* Process that has the lock; "" when none. */
    struct nika_journal_survey survey;
    const struct nika_protocol *protocol; /* NULL: of a number that this program does not know. */
    uint32_t snapshot_count;
    struct inspect_snapshot snapshots[64];
    uint32_t set_aside; /* Files in the folder `damaged`. */
    /* Filled while records are shown. */
    uint32_t bad_records;
    bool failed; /* Reading went wrong on the way; `error` says how. */
    struct nika_disk_store_error error;
};

/* "intact", "torn tail", "damaged", "forgotten", "new". */
const char *inspect_state(const struct inspect *in);
/* Is there anything wrong that --verify must report? */
bool inspect_is_bad(const struct inspect *in);
void inspect_json(struct inspect *in, FILE *file);

#endif
