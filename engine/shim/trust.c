/* engine/shim/trust.c: see trust.h. */
#include "engine/shim/trust.h"

#include "engine/core/assert.h"
#include "engine/core/recording.h"
#include "engine/shim/log.h"
#include "engine/shim/tss_client.h"
#include "engine/shim/tss_key.h"
#include "engine/shim/tss_vault.h"

#include <stdlib.h>

/* A step whose record is on its way to the log. */
struct owed {
    uint64_t behind;
    struct nika_asked asked;
    struct nika_trusted_counter before; /* Where the counter was. */
};
struct nika_trust {
    uint32_t self;
    uint64_t epoch;
    struct nika_tss_vault *vault;   /* Software, else NULL. */
    struct nika_tss_client *client; /* Process, else NULL. */
    struct nika_asks *asks;         /* Process, else NULL. */
    uint32_t pillars;
    struct nika_trust_stats stats;
    struct nika_recorder *recorder;
    struct nika_trusted_value
        values[NIKA_PILLARS_MAX]; /* Of the ordering counters, as heard last. */
    bool answered;                /* Since the last watch. */
    /* Software behind a log. */
    bool logged;
    uint64_t durable;
    uint32_t owed_first, owed_count, owed_capacity;
    struct owed *owed;
    uint8_t record[NIKA_TSS_STEP_SIZE];
    uint32_t kept_count;
    struct nika_tss_step kept[NIKA_PILLARS_MAX];
};

/* ---- opening ---- */
/* A replica whose own promises are in memory only gains nothing from waiting for the disk. */
static int no_sync(void *context, int file)
{
    (void)context;
    (void)file;
    return 0;
}

/* A view is left and entered while what was asked for in the last one is still on its way. */
#define ASKS_OF_WINDOW 4u

static bool open_vault(struct nika_trust *t, const struct nika_node_config *config,
                       const char *file, uint32_t window, struct nika_problems *problems)
{
    static struct nika_file_ops hasty;
    uint8_t secret[NIKA_TRUSTED_SECRET_SIZE];
    struct nika_disk_store_error error = {""};
    if (!nika_tss_key_load(config->trusted.key, secret, problems)) return false;
    hasty = nika_file_system;
    hasty.sync = no_sync;
    hasty.sync_dir = no_sync;
    t->logged = config->store == NIKA_STORE_DISK;
    t->owed_capacity = ASKS_OF_WINDOW * window;
    t->owed = calloc(t->owed_capacity, sizeof *t->owed);
    const struct nika_tss_vault_options options = {
        .dir = config->trusted.state,
        .secret = secret,
        .logged = t->logged,
        .file_ops = config->store == NIKA_STORE_MEMORY ? &hasty : NULL};
    enum nika_err err = NIKA_ERR_IO;
    if (t->owed == NULL)
        nika_disk_say(&error, "out of memory");
    else
        err = nika_tss_vault_open(&options, &t->vault, &error);
    nika_key_erase(secret, sizeof secret);
    if (err == NIKA_OK) return true;
    nika_problem(problems, file, "trusted.state", "%.250s", error.text);
    return false;
}

static bool open_client(struct nika_trust *t, const struct nika_node_config *config,
                        const char *file, uint32_t window, struct nika_problems *problems)
{
    struct nika_disk_store_error error = {""};
    const struct nika_asks_options options = {.lanes = t->pillars,
                                              .capacity = ASKS_OF_WINDOW * window,
                                              .client = {.socket = config->trusted.socket,
                                                         .instance = t->self,
                                                         .epoch = t->epoch,
                                                         .server_uid = config->trusted.server_uid,
                                                         .timeout_ms = config->trusted.timeout_ms}};
    if (nika_tss_client_open(&options.client, &t->client, &error) == NIKA_OK &&
        nika_asks_new(&options, &t->asks, &error) == NIKA_OK)
        return true;
    nika_problem(problems, file, "trusted.socket", "%.250s", error.text);
    return false;
}

/* A vault answers for what it was made for. */
static bool fits(const struct nika_trust *t, const struct nika_cluster *cluster, const char *file,
                 struct nika_problems *problems)
{
    if (t->vault == NULL) return true; /* The client has asked. */
    const struct nika_tss_state *s = nika_tss_vault_state(t->vault);
    bool good = s->instance.id == t->self && s->group == cluster->config.n;
    for (uint32_t i = 0; good && i < s->group; i++)
        good = s->epochs[i] == cluster->members[i].trusted_epoch;
    if (!good)
        nika_problem(problems, file, "trusted.state",
                     "is of instance %u of %u, epoch %llu; expected instance %u of %u, epoch %llu, "
                     "and the epochs of the cluster file",
                     s->instance.id, s->group, (unsigned long long)s->instance.epoch, t->self,
                     cluster->config.n, (unsigned long long)t->epoch);
    return good;
}

struct nika_trust *nika_trust_open(const struct nika_node_config *config, const char *file,
                                   const struct nika_cluster *cluster,
                                   struct nika_problems *problems)
{
    struct nika_trust *t = calloc(1, sizeof *t);
    if (t == NULL) {
        nika_problem(problems, file, "trusted", "out of memory");
        return NULL;
    }
    t->self = config->replica;
    t->epoch = cluster->members[t->self].trusted_epoch;
    t->pillars = cluster->config.pillars;
    t->answered = true;
    bool good = config->trusted.kind == NIKA_TRUST_SOFTWARE
                    ? open_vault(t, config, file, cluster->config.window, problems)
                    : open_client(t, config, file, cluster->config.window, problems);
    if (good && fits(t, cluster, file, problems)) return t;
    nika_trust_close(t);
    return NULL;
}

void nika_trust_close(struct nika_trust *t)
{
    if (t == NULL) return;
    nika_asks_free(t->asks);
    nika_tss_vault_close(t->vault);
    nika_tss_client_close(t->client);
    free(t->owed);
    free(t);
}

void nika_trust_record(struct nika_trust *t, struct nika_recorder *recorder)
{
    t->recorder = recorder;
}

void nika_trust_serve(struct nika_trust *t, int fd, void (*serve)(void *context), void *context)
{
    if (t->client != NULL) nika_tss_client_serve(t->client, fd, serve, context);
}

/* ---- how it is ---- */
uint64_t nika_trust_waits_since(const struct nika_trust *t)
{
    uint64_t since = t->client != NULL ? nika_tss_client_waits_since(t->client) : 0;
    return since == 0 && t->asks != NULL ? nika_asks_waits_since(t->asks) : since;
}

const char *nika_trust_gone(const struct nika_trust *t)
{
    if (t->vault != NULL) return nika_tss_vault_broken(t->vault);
    const char *gone = nika_tss_client_gone(t->client);
    return gone != NULL ? gone : nika_asks_gone(t->asks);
}

void nika_trust_watch(struct nika_trust *t)
{
    if (!t->answered && t->asks != NULL) nika_asks_watch(t->asks);
    t->answered = false;
}

const struct nika_trust_stats *nika_trust_stats(struct nika_trust *t)
{
    uint64_t certified;
    if (t->asks != NULL)
        nika_asks_figures(t->asks, &t->stats.later_ns, &t->stats.exchanges, &certified);
    return &t->stats;
}

const char *nika_trust_backend(const struct nika_trust *t)
{
    return t->vault != NULL ? "software" : "process";
}

struct nika_trusted_value nika_trust_value(const struct nika_trust *t, uint32_t pillar)
{
    NIKA_ASSERT(pillar < NIKA_PILLARS_MAX);
    return t->values[pillar];
}

uint64_t nika_trust_epoch(const struct nika_trust *t)
{
    return t->epoch;
}

/* Each pillar has a pair of counters, of which the first orders. */
static void heard(struct nika_trust *t, uint32_t counter, struct nika_trusted_value value)
{
    if (counter % 2 == 0 && counter / 2 < NIKA_PILLARS_MAX) t->values[counter / 2] = value;
}

/* ---- later ---- */
bool nika_trust_is_later(const struct nika_trust *t)
{
    return t->asks != NULL || t->logged;
}

int nika_trust_fd(const struct nika_trust *t)
{
    return t->asks != NULL ? nika_asks_fd(t->asks) : -1;
}

static struct owed *owed_at(const struct nika_trust *t, uint32_t index)
{
    return &t->owed[(t->owed_first + index) % t->owed_capacity];
}

/* Behind a log it is certified at once, and told once the log has it. What the vault refuses is told in its turn. */
static bool owe(struct nika_trust *t, const struct nika_ask *ask, struct nika_span *record)
{
    struct nika_tss_wish wish = {.kind = NIKA_TRUSTED_INDEPENDENT,
                                 .counter = ask->counter,
                                 .value = ask->value,
                                 .digest = ask->digest};
    if (t->owed_count == t->owed_capacity) return false;
    struct owed *o = owed_at(t, t->owed_count++);
    memset(o, 0, sizeof *o);
    const struct nika_trusted_instance *instance = &nika_tss_vault_state(t->vault)->instance;
    if (ask->counter < instance->counters) o->before = instance->counter[ask->counter];
    o->asked = (struct nika_asked){
        .token = ask->token, .counter = ask->counter, .value = ask->value, .err = NIKA_OK};
    o->asked.err = nika_tss_vault_step(t->vault, &wish, t->record);
    o->behind = ask->behind;
    if (o->asked.err != NIKA_OK) return true;
    o->behind++;
    o->asked.certificate = wish.certificate;
    *record = (struct nika_span){t->record, sizeof t->record};
    return true;
}

bool nika_trust_ask(struct nika_trust *t, const struct nika_ask *ask, struct nika_span *record)
{
    *record = (struct nika_span){NULL, 0};
    return t->logged ? owe(t, ask, record) : nika_asks_put(t->asks, ask);
}

void nika_trust_unask(struct nika_trust *t)
{
    NIKA_ASSERT(t->logged && t->owed_count > 0);
    struct owed *o = owed_at(t, --t->owed_count);
    if (o->asked.err == NIKA_OK) nika_tss_vault_unstep(t->vault, o->asked.counter, &o->before);
}

void nika_trust_kept(struct nika_trust *t, struct nika_span record)
{
    if (!t->logged || t->kept_count == ARRAY_COUNT(t->kept)) return;
    if (nika_tss_step_decode(record, &t->kept[t->kept_count]) == NIKA_OK) t->kept_count++;
}

bool nika_trust_resume(struct nika_trust *t, bool whole, const char *file, struct nika_log *log,
                       struct nika_problems *problems)
{
    struct nika_disk_store_error error = {""};
    bool skipped = false;
    if (!t->logged) return true;
    enum nika_err err =
        nika_tss_vault_resume(t->vault, t->kept, t->kept_count, whole, &skipped, &error);
    if (err != NIKA_OK) nika_problem(problems, file, "trusted.state", "%.250s", error.text);
    if (skipped)
        nika_log(log, NIKA_LOG_WARN, "trusted_skipped",
                 "reason=\"the log does not say how far the counters are\" orders=%u",
                 NIKA_TSS_LEAD);
    return err == NIKA_OK;
}

void nika_trust_durable(struct nika_trust *t, uint64_t records)
{
    t->durable = records;
    if (t->asks != NULL) nika_asks_durable(t->asks, records);
}

void nika_trust_refuse(struct nika_trust *t)
{
    if (t->asks != NULL) nika_asks_refuse(t->asks);
    /* The newest first: each counter goes back to where the oldest of them found it. */
    for (uint32_t i = t->owed_count; i > 0; i--) {
        struct owed *o = owed_at(t, i - 1);
        if (o->behind <= t->durable) break;
        if (o->asked.err == NIKA_OK) nika_tss_vault_unstep(t->vault, o->asked.counter, &o->before);
        o->asked.err = NIKA_ERR_LIMIT;
        o->behind = 0;
    }
}

static bool take_owed(struct nika_trust *t, struct nika_asked *out)
{
    struct owed *o = owed_at(t, 0);
    if (t->owed_count == 0 || o->behind > t->durable) return false;
    *out = o->asked;
    t->owed_first = (t->owed_first + 1) % t->owed_capacity;
    t->owed_count--;
    return true;
}

bool nika_trust_take(struct nika_trust *t, struct nika_asked *out)
{
    bool any = t->logged         ? take_owed(t, out)
               : t->asks != NULL ? nika_asks_take(t->asks, out)
                                 : false;
    if (!any) return false;
    if (out->err == NIKA_OK) {
        t->stats.certified++;
        heard(t, out->counter, out->value);
    } else if (out->err == NIKA_ERR_IO) {
        t->stats.failed++;
    } else if (out->err != NIKA_ERR_LIMIT) {
        t->stats.refused++;
    }
    t->answered = t->answered || out->err == NIKA_OK;
    return true;
}

/* ---- the calls ---- */
/* An instance in this process answers sooner than the clock does. */
static uint64_t begin(const struct nika_trust *t)
{
    return t->client != NULL ? nika_clock_monotonic() : 0;
}

static void end(struct nika_trust *t, uint64_t from, const struct nika_recorded_trusted *answer)
{
    uint8_t bytes[NIKA_RECORDING_TRUSTED_MAX];
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    if (t->client != NULL) t->stats.ns += nika_clock_monotonic() - from;
    if (answer->err == NIKA_ERR_IO) t->stats.failed++;
    t->answered = t->answered || answer->err != NIKA_ERR_IO;
    if (t->recorder == NULL) return;
    nika_recording_trusted_write(&w, answer);
    nika_recorder_answer(t->recorder, NIKA_RECORDED_TRUSTED, (struct nika_span){bytes, w.at});
}

enum nika_err nika_trust_certify(struct nika_trust *t, enum nika_trusted_kind kind,
                                 uint32_t counter, struct nika_trusted_value value,
                                 const struct nika_digest *digest,
                                 struct nika_trusted_certificate *out)
{
    struct nika_recorded_trusted answer = {.call = NIKA_RECORDED_TRUSTED_CERTIFY};
    uint64_t from = begin(t);
    answer.err =
        t->vault != NULL
            ? nika_tss_vault_certify(t->vault, kind, counter, value, digest, out)
            : nika_tss_client_ops.certify(t->client, t->self, kind, counter, value, digest, out);
    if (answer.err == NIKA_OK) {
        t->stats.certified++;
        if (kind != NIKA_TRUSTED_MAC) heard(t, counter, value);
        nika_trusted_certificate_encode(out, answer.certificate);
    } else if (answer.err == NIKA_ERR_CONFIG) {
        t->stats.refused++;
    }
    end(t, from, &answer);
    return answer.err;
}

bool nika_trust_verify(struct nika_trust *t, const struct nika_trusted_certificate *certificate,
                       const struct nika_digest *digest)
{
    struct nika_recorded_trusted answer = {.call = NIKA_RECORDED_TRUSTED_VERIFY};
    uint64_t from = begin(t);
    bool good = t->vault != NULL
                    ? nika_tss_vault_verify(t->vault, certificate, digest)
                    : nika_tss_client_ops.verify(t->client, t->self, certificate, digest);
    bool gone = !good && nika_trust_gone(t) != NULL;
    answer.err = good ? NIKA_OK : gone ? NIKA_ERR_IO : NIKA_ERR_AUTH;
    t->stats.verified += good ? 1 : 0;
    t->stats.invalid += good || gone ? 0 : 1;
    end(t, from, &answer);
    return good;
}

enum nika_err nika_trust_read(struct nika_trust *t, uint32_t counter,
                              struct nika_trusted_value *value, uint64_t *epoch)
{
    struct nika_recorded_trusted answer = {.call = NIKA_RECORDED_TRUSTED_READ};
    uint64_t from = begin(t);
    /* In parentheses: this is the trusted subsystem's call, not the system's of that name. */
    answer.err = t->vault != NULL
                     ? nika_tss_vault_read(t->vault, counter, value, epoch)
                     : (nika_tss_client_ops.read)(t->client, t->self, counter, value, epoch);
    if (answer.err == NIKA_OK) {
        answer.value = *value;
        answer.epoch = *epoch;
        heard(t, counter, *value);
    }
    end(t, from, &answer);
    return answer.err;
}

enum nika_err nika_trust_reissue(struct nika_trust *t, uint32_t counter,
                                 struct nika_trusted_certificate *out, struct nika_digest *digest)
{
    struct nika_recorded_trusted answer = {.call = NIKA_RECORDED_TRUSTED_REISSUE};
    uint64_t from = begin(t);
    answer.err = t->vault != NULL
                     ? nika_tss_vault_reissue(t->vault, counter, out, digest)
                     : nika_tss_client_ops.reissue(t->client, t->self, counter, out, digest);
    if (answer.err == NIKA_OK) {
        nika_trusted_certificate_encode(out, answer.certificate);
        answer.digest = *digest;
    }
    end(t, from, &answer);
    return answer.err;
}
