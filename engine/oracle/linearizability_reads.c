/* engine/oracle/linearizability_reads.c: O5 for the read-only path: a read's result is the model's answer in some state between the
 * highest sequence number completed before its invocation and its completion.
 *
 * The states are asked one by one as the lagging instance passes them, so a verdict may come after the completion. When a
 * state can no longer be asked, the read counts as unchecked; that is never an alarm. */
#include "engine/oracle/linearizability.h"

static struct read_job *jobs_of(struct linearizability *o)
{
    return (struct read_job *)(void *)linearizability_at(o, o->reads_offset);
}

static void job_end(struct linearizability *o, struct read_job *job)
{
    job->active = false;
    o->active_reads--;
}

/* The lagging instance's answer in its present state. */
static void ask(struct linearizability *o, struct read_job *job)
{
    uint8_t *reply = linearizability_at(o, o->reply_offset);
    struct nika_op op = {.client = job->client, .bytes = {job->op, job->op_size}};
    uint32_t size = o->setup->app_ops->query(o->lagging, &op, reply, o->reply_max);
    uint64_t answer = nika_hash64(reply, size, 0);
    if (job->completed) {
        if (answer == job->result_hash) job_end(o, job);
        return;
    }
    for (uint32_t i = 0; i < job->seen_count; i++) {
        if (job->seen[i] == answer) return;
    }
    if (job->seen_count == LINEARIZABILITY_SEEN) {
        job->incomplete = true;
        return;
    }
    job->seen[job->seen_count++] = answer;
}

/* All states that the read may have seen were asked, and none gave its result. */
static void judge(struct linearizability *o, const struct nika_tap *tap, struct read_job *job)
{
    if (!job->active || !job->completed || o->lag < job->until) return;
    job_end(o, job);
    if (job->incomplete) {
        o->unchecked++;
        return;
    }
    nika_oracle_report(o, tap, nika_client_node(job->client), NIKA_NODE_NONE, job->until,
                       "client %" PRIu32 " read result %08" PRIx32 " for operation %" PRIu64
                       ", which no state from seq %" PRIu64 " to seq %" PRIu64 " gives",
                       job->client, oracle_hex8(job->result_hash), job->token, job->floor,
                       job->until);
}

void linearizability_read_invoked(struct linearizability *o, const struct nika_tap *tap,
                                  uint32_t client)
{
    struct read_job *jobs = jobs_of(o);
    uint32_t free_job = 0;
    while (free_job < LINEARIZABILITY_READS && jobs[free_job].active) free_job++;
    if (o->broken || free_job == LINEARIZABILITY_READS ||
        tap->bytes.size > LINEARIZABILITY_READ_OP) {
        o->unchecked++;
        return;
    }
    struct read_job *job = &jobs[free_job];
    memset(job, 0, sizeof *job);
    job->active = true;
    job->client = client;
    job->token = tap->token;
    job->floor = o->completed;
    job->incomplete = o->lag > o->completed;
    job->op_size = tap->bytes.size;
    if (job->op_size > 0) memcpy(job->op, tap->bytes.data, job->op_size);
    o->active_reads++;
    ask(o, job);
}

static struct read_job *find_job(struct linearizability *o, uint32_t client, uint64_t token)
{
    struct read_job *jobs = jobs_of(o);
    if (o->active_reads == 0) return NULL;
    for (uint32_t i = 0; i < LINEARIZABILITY_READS; i++) {
        struct read_job *job = &jobs[i];
        if (job->active && !job->completed && job->client == client && job->token == token)
            return job;
    }
    return NULL;
}

void linearizability_read_completed(struct linearizability *o, const struct nika_tap *tap,
                                    uint32_t client)
{
    struct read_job *job = find_job(o, client, tap->token);
    if (job == NULL) return; /* Counted when it was invoked. */
    job->result_hash = nika_hash64(tap->bytes.data, tap->bytes.size, 0);
    for (uint32_t i = 0; i < job->seen_count; i++) {
        if (job->seen[i] != job->result_hash) continue;
        job_end(o, job);
        return;
    }
    job->completed = true;
    job->until = o->high;
    judge(o, tap, job);
}

void linearizability_read_cancel(struct linearizability *o, uint32_t client, uint64_t token)
{
    struct read_job *job = find_job(o, client, token);
    if (job != NULL) job_end(o, job);
}

void linearizability_advance(struct linearizability *o, const struct nika_tap *tap, uint64_t seq)
{
    uint8_t *log = linearizability_at(o, o->log_offset);
    while (o->lag < seq && o->log_head < o->log_tail) {
        uint32_t size = (uint32_t)nika_load_le(log + o->log_head, 4);
        struct oracle_execute x;
        if (!oracle_execute_parse((struct nika_span){log + o->log_head + 4, size}, &x)) break;
        (void)linearizability_run(o, o->lagging, &x, false);
        o->log_head += 4 + size;
        o->lag = x.seq;
        struct read_job *jobs = jobs_of(o);
        for (uint32_t i = 0; i < LINEARIZABILITY_READS && o->active_reads > 0; i++) {
            if (jobs[i].active) ask(o, &jobs[i]);
            judge(o, tap, &jobs[i]);
        }
    }
    if (o->log_head == o->log_tail) o->log_head = o->log_tail = 0;
}

static bool log_fits(const struct linearizability *o, uint32_t size)
{
    return (uint64_t)o->log_tail + 4 + size <= LINEARIZABILITY_LOG;
}

void linearizability_log(struct linearizability *o, const struct nika_tap *tap)
{
    uint32_t size = tap->bytes.size;
    uint8_t *log = linearizability_at(o, o->log_offset);
    if (!log_fits(o, size) && o->log_head > 0) {
        memmove(log, log + o->log_head, o->log_tail - o->log_head);
        o->log_tail -= o->log_head;
        o->log_head = 0;
    }
    /* A full log gives up old states: reads that start below them will be unchecked. */
    if (!log_fits(o, size)) linearizability_advance(o, tap, o->high - 1);
    if (!log_fits(o, size)) {
        o->broken = true;
        return;
    }
    nika_store_le(log + o->log_tail, size, 4);
    memcpy(log + o->log_tail + 4, tap->bytes.data, size);
    o->log_tail += 4 + size;
    if (o->log_tail > o->log_peak) o->log_peak = o->log_tail;
}
