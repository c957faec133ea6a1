/* cli/replay_recording.c: `nika replay` of the recording of a live replica. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apps/external.h"
#include "cli/cli.h"
#include "cli/live.h"
#include "engine/core/digest.h"
#include "engine/sim/recorded.h"
#include "protocols/registry.h"

static const struct nika_replica_ops *protocol(const char *name, uint32_t *id)
{
    const struct nika_protocol *p = nika_protocol_find(name);
    if (p == NULL) return NULL;
    *id = p->id;
    return p->replica;
}

/* The file as memory; size 0 when it cannot be read or is no regular file. A recording is at most a little over 1 GiB. */
static struct nika_span map_file(const char *path)
{
    struct nika_span out = {NULL, 0};
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0 &&
        info.st_size < (off_t)UINT32_MAX) {
        void *data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data != MAP_FAILED) out = (struct nika_span){data, (uint32_t)info.st_size};
    }
    if (fd >= 0) close(fd);
    return out;
}

bool cli_is_recording(const char *path)
{
    struct nika_span file = map_file(path);
    struct nika_wal_record record;
    uint32_t at = 0;
    bool is = file.size > 0 && nika_wal_next(file, &at, &record) == NIKA_OK &&
              record.kind == NIKA_RECORDED_HEAD && record.seq == 0;
    if (file.size > 0) munmap((void *)(uintptr_t)file.data, file.size);
    return is;
}

static int exit_of(const struct nika_recorded_result *r, bool same)
{
    if (r->broken) return NIKA_EXIT_CONTRACT;
    return same ? NIKA_EXIT_HELD : NIKA_EXIT_NONDETERMINISTIC;
}

static void print(const struct nika_recorded_result *r, bool same)
{
    char group[2 * NIKA_DIGEST_SIZE + 1];
    nika_hex(r->head.config.group_id.bytes, 8, group);
    printf("recording  replica %u of %u, protocol %s, application %s, group %s\n", r->head.replica,
           r->head.config.n, r->head.protocol, r->head.app, group);
    printf("events     %" PRIu64 ", of these %" PRIu64 " messages; %" PRIu64
           " answers of the host; %" PRIu64 " requests executed\n",
           r->events, r->messages, r->host_answers, r->executed);
    printf("state      view %" PRIu64 "%s, executed %" PRIu64 ", stable %" PRIu64
           "; entered %" PRIu64 " views\n",
           r->status.view, r->status.active ? "" : " (not active)", r->status.last_executed,
           r->status.low_mark, r->views_entered);
    printf("digests    %" PRIu64 " %s\n", r->digests, same ? "reached" : "compared");
    printf("end        %s\n",
           r->ended ? "the node ended in order" : "the recording stops here: the node was killed");
    printf("verdict    %s\n", nika_exit_name(exit_of(r, same)));
    if (!same) printf("           %s\n", r->problem);
}

static void print_json(const struct nika_recorded_result *r, bool same)
{
    cli_json_print(
        json_pack("{s:s, s:b, s:s, s:I, s:I, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:o}",
                  "kind", "recording", "same", (int)same, "verdict",
                  nika_exit_name(exit_of(r, same)), "replica", (json_int_t)r->head.replica, "n",
                  (json_int_t)r->head.config.n, "protocol", r->head.protocol, "app", r->head.app,
                  "events", (json_int_t)r->events, "messages", (json_int_t)r->messages, "executed",
                  (json_int_t)r->executed, "view", (json_int_t)r->status.view, "stable",
                  (json_int_t)r->status.low_mark, "digests", (json_int_t)r->digests, "ended",
                  (int)r->ended, "problem", same ? json_null() : json_string(r->problem)),
        "replay");
}

int cli_replay_recording(const char *path, bool json)
{
    const struct nika_recorded_modules modules = {protocol, cli_live_app, nika_app_external.name};
    struct nika_recorded_result result;
    struct nika_span file = map_file(path);
    if (file.size == 0) {
        fprintf(stderr, "nika: %s: %s\n", path, errno != 0 ? strerror(errno) : "cannot be read");
        return NIKA_EXIT_USAGE;
    }
    enum nika_err err = nika_recorded_run(file, &modules, &result);
    munmap((void *)(uintptr_t)file.data, file.size);
    if (err != NIKA_OK && err != NIKA_ERR_NOT_FOUND) {
        fprintf(stderr, "nika: %s: %s\n", path,
                result.problem[0] != '\0' ? result.problem : nika_err_text(err));
        return NIKA_EXIT_USAGE;
    }
    if (json) print_json(&result, err == NIKA_OK);
    if (!json) print(&result, err == NIKA_OK);
    if (err == NIKA_OK && result.digests == 0) {
        if (!json) printf("           but it holds no digest to compare with\n");
        return NIKA_EXIT_INCONCLUSIVE;
    }
    return exit_of(&result, err == NIKA_OK);
}
