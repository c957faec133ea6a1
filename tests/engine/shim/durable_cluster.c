/* tests/engine/shim/durable_cluster.c: see durable_cluster.h. */
#include "tests/engine/shim/durable_cluster.h"

#include <sys/stat.h>

#include "apps/registry.h"
#include "engine/core/assert.h"
#include "engine/core/digest.h"
#include "protocols/registry.h"
#include "tests/support/test.h"

#define EFFECT_BYTES (48u * 1024u * 1024u)
#define EFFECT_COUNT 65536u
#define SCRATCH_BYTES (1024u * 1024u)
#define STEPS_MAX 2000000u
#define NODES (DURABLE_REPLICAS + DURABLE_CLIENTS)

/* Something on its way to a node. */
struct durable_message {
    struct durable_message *next;
    enum nika_event_kind kind;
    uint32_t index;
    uint64_t epoch, token;
    int32_t status;
    uint32_t size;
    uint8_t bytes[];
};

static const struct nika_protocol *protocol(void)
{
    return nika_protocol_find("pbft");
}

static uint64_t draw(struct durable_cluster *c, uint64_t n)
{
    uint64_t at = c->draws++;
    return nika_hash64(&at, sizeof at, c->seed) % n;
}

static bool is_replica(uint32_t index)
{
    return index < DURABLE_REPLICAS;
}

/* ---- host ---- */
static struct nika_span signed_bytes(struct durable_cluster *c, uint8_t type, uint32_t sender,
                                     struct nika_span body)
{
    uint32_t size = NIKA_SIGNED_HEAD_SIZE + body.size + 8;
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    struct nika_writer w = nika_writer_of(bytes, size);
    nika_frame_signed_bytes(&c->config, type, sender, body, &w);
    return (struct nika_span){bytes, w.at};
}

static uint32_t authenticate(void *world, uint32_t self, enum nika_auth_alg alg, uint8_t type,
                             uint32_t to, struct nika_span body, uint8_t *auth)
{
    struct durable_cluster *c = world;
    uint32_t size = NIKA_AUTH_SIZE_MAX;
    if (alg == NIKA_AUTH_NONE) return 0;
    struct nika_span message = signed_bytes(c, type, self, body);
    enum nika_err err = alg == NIKA_AUTH_MAC ? nika_mac(c->keyring, self, to, message, auth, &size)
                                             : nika_sign(c->keyring, self, message, auth, &size);
    free((void *)(uintptr_t)message.data);
    assert_int_equal(err, NIKA_OK);
    return size;
}

static bool verify(void *world, uint32_t self, const struct nika_frame *frame)
{
    struct durable_cluster *c = world;
    if (frame->auth_alg == NIKA_AUTH_NONE) return true;
    struct nika_span message = signed_bytes(c, frame->type, frame->sender, frame->body);
    enum nika_err err = frame->auth_alg == NIKA_AUTH_MAC
                            ? nika_mac_verify(c->keyring, frame->sender, self, message, frame->auth)
                            : nika_verify(c->keyring, frame->sender, message, frame->auth);
    free((void *)(uintptr_t)message.data);
    return err == NIKA_OK;
}

static uint64_t jitter(void *world, uint32_t self, uint32_t timer, uint64_t n)
{
    (void)self;
    (void)timer;
    return draw(world, n);
}

/* ---- votes ---- */
static void votes_add(struct durable_votes *votes, const struct nika_summary *s)
{
    if (votes->count == votes->capacity) {
        votes->capacity = votes->capacity == 0 ? 256 : 2 * votes->capacity;
        votes->list = realloc(votes->list, votes->capacity * sizeof *votes->list);
        assert_non_null(votes->list);
    }
    votes->list[votes->count++] =
        (struct durable_vote){s->message_class, s->view, s->seq, s->digest};
}

/* The same (class, view, seq): NULL when there is none. */
static const struct durable_vote *votes_find(const struct durable_votes *votes,
                                             uint8_t message_class, uint64_t view, uint64_t seq)
{
    for (uint32_t i = votes->count; i > 0; i--) {
        const struct durable_vote *v = &votes->list[i - 1];
        if (v->message_class == message_class && v->view == view && v->seq == seq) return v;
    }
    return NULL;
}

/* A correct replica says one thing for one (view, number), through all its lives. */
static void watch_sent(struct durable_cluster *c, struct durable_node *node, struct nika_span bytes)
{
    struct nika_frame frame;
    struct nika_summary s;
    assert_int_equal(nika_frame_parse(bytes, c->config.epoch, NIKA_MESSAGE_SIZE_MAX, &frame),
                     NIKA_OK);
    if (frame.sender != node->id) return; /* Relayed. */
    protocol()->replica->describe(frame.type, frame.body, &s);
    if (s.message_class != NIKA_MESSAGE_PROPOSE && s.message_class != NIKA_MESSAGE_PREPARE &&
        s.message_class != NIKA_MESSAGE_COMMIT && s.message_class != NIKA_MESSAGE_CHECKPOINT)
        return;
    const struct durable_vote *before = votes_find(&node->sent, s.message_class, s.view, s.seq);
    if (before == NULL)
        votes_add(&node->sent, &s);
    else
        assert_memory_equal(before->digest.bytes, s.digest.bytes, NIKA_DIGEST_SIZE);
}

/* Recovery passes through here, so that a test can compare it with what was sent. One node recovers at a time. */
static struct durable_votes *recovering;

static void spy_recover(struct nika_replica *replica, uint32_t kind, uint64_t seq,
                        struct nika_span record)
{
    struct nika_summary s;
    protocol()->replica->describe_record(kind, record, &s);
    votes_add(recovering, &s);
    protocol()->replica->recover(replica, kind, seq, record);
}

/* D1, D2, D3: what was sent beyond the stable checkpoint stands in the log. */
static void check_votes_recovered(const struct durable_node *node, uint64_t low_mark)
{
    for (uint32_t i = 0; i < node->sent.count; i++) {
        const struct durable_vote *v = &node->sent.list[i];
        if (v->seq <= low_mark || v->message_class == NIKA_MESSAGE_CHECKPOINT) continue;
        /* Kind 2 of PBFT, the prepared certificate, is described as PREPARE. */
        uint8_t record =
            v->message_class == NIKA_MESSAGE_COMMIT ? NIKA_MESSAGE_PREPARE : NIKA_MESSAGE_PROPOSE;
        const struct durable_vote *found = votes_find(&node->recovered, record, v->view, v->seq);
        if (found == NULL)
            print_error("replica %u: no record of class %u for view %llu, seq %llu (h %llu)\n",
                        node->id, record, (unsigned long long)v->view, (unsigned long long)v->seq,
                        (unsigned long long)low_mark);
        assert_non_null(found);
        if (found != NULL)
            assert_memory_equal(found->digest.bytes, v->digest.bytes, NIKA_DIGEST_SIZE);
    }
}

/* ---- actions ---- */
static void post(struct durable_cluster *c, uint32_t index, enum nika_event_kind kind,
                 uint64_t token, int32_t status, struct nika_span bytes)
{
    if (!c->nodes[index].up) return;
    struct durable_message *m = calloc(1, sizeof *m + bytes.size);
    assert_non_null(m);
    m->kind = kind;
    m->index = index;
    m->epoch = c->nodes[index].epoch;
    m->token = token;
    m->status = status;
    m->size = bytes.size;
    if (bytes.data != NULL && bytes.size > 0) memcpy(m->bytes, bytes.data, bytes.size);
    if (c->last == NULL)
        c->first = m;
    else
        c->last->next = m;
    c->last = m;
}

static uint32_t index_of(uint32_t id)
{
    return nika_is_client(id) ? DURABLE_REPLICAS + nika_client_index(id) : id;
}

static void complete_meta(struct durable_cluster *c, uint32_t index, uint64_t token, int32_t status,
                          const struct nika_snapshot_meta *meta)
{
    uint8_t bytes[NIKA_SNAPSHOT_META_SIZE];
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    nika_snapshot_meta_write(&w, meta);
    post(c, index, NIKA_EVENT_APP, token, status, (struct nika_span){bytes, w.at});
}

static void remember_meta(struct durable_node *node, const struct nika_snapshot_meta *meta)
{
    if (node->meta_count == ARRAY_COUNT(node->metas)) {
        node->meta_count--;
        memmove(node->metas, node->metas + 1, node->meta_count * sizeof node->metas[0]);
    }
    node->metas[node->meta_count++] = *meta;
}

static void execute(struct durable_cluster *c, uint32_t index, uint64_t token,
                    struct nika_span payload)
{
    struct nika_reader r = nika_reader_of(payload);
    struct nika_writer w = nika_writer_of(c->scratch, SCRATCH_BYTES);
    (void)nika_read_u64(&r);
    uint64_t time_ns = nika_read_u64(&r);
    (void)nika_read_digest(&r);
    uint32_t count = nika_read_u32(&r);
    nika_write_u32(&w, count);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t reply[256];
        struct nika_op op = {.client = nika_read_u32(&r), .timestamp = nika_read_u64(&r)};
        (void)nika_read_u32(&r);
        op.bytes = nika_read_bytes(&r, UINT32_MAX);
        uint32_t size = nika_app_kv.execute(c->nodes[index].app, &op, time_ns, reply, sizeof reply);
        nika_write_bytes(&w, (struct nika_span){reply, size});
    }
    assert_true(nika_reader_done(&r) && !w.failed);
    post(c, index, NIKA_EVENT_APP, token, 0, (struct nika_span){c->scratch, w.at});
}

static void send_chunk(struct durable_cluster *c, uint32_t index, const struct nika_action *a)
{
    struct nika_merkle_proof proof = {0};
    uint32_t size = 0;
    enum nika_err err =
        nika_app_kv.snapshot_chunk(c->nodes[index].app, a->a, a->id, c->scratch + 4, &size, &proof);
    struct nika_writer w = nika_writer_of(c->scratch, SCRATCH_BYTES);
    if (err == NIKA_OK) {
        nika_write_u32(&w, size);
        w.at += size;
        nika_write_u32(&w, proof.count);
        for (uint32_t i = 0; i < proof.count; i++) nika_write_digest(&w, &proof.siblings[i]);
    }
    post(c, index, NIKA_EVENT_APP, a->token, err, (struct nika_span){c->scratch, w.at});
}

static void app_action(struct durable_cluster *c, uint32_t index, const struct nika_action *a,
                       struct nika_span bytes)
{
    struct durable_node *node = &c->nodes[index];
    struct nika_snapshot_meta meta = {0};
    struct nika_reader r = nika_reader_of(bytes);
    if (a->kind == NIKA_ACTION_EXECUTE) execute(c, index, a->token, bytes);
    if (a->kind == NIKA_ACTION_SNAPSHOT_TAKE) {
        nika_app_kv.snapshot_take(node->app, a->a, &meta);
        remember_meta(node, &meta);
        complete_meta(c, index, a->token, 0, &meta);
    }
    if (a->kind == NIKA_ACTION_SNAPSHOT_CHUNK) send_chunk(c, index, a);
    if (a->kind == NIKA_ACTION_SNAPSHOT_DROP) nika_app_kv.snapshot_drop(node->app, a->a);
    if (a->kind == NIKA_ACTION_RESTORE_BEGIN) {
        nika_snapshot_meta_read(&r, &meta);
        (void)nika_app_kv.restore_begin(node->app, &meta);
    }
    if (a->kind == NIKA_ACTION_RESTORE_CHUNK)
        (void)nika_app_kv.restore_chunk(node->app, a->id, bytes);
    if (a->kind == NIKA_ACTION_RESTORE_END) {
        enum nika_err err = nika_app_kv.restore_end(node->app, &meta);
        if (err == NIKA_OK) remember_meta(node, &meta);
        complete_meta(c, index, a->token, err, &meta);
    }
}

static void disk_action(struct durable_cluster *c, uint32_t index, const struct nika_action *a,
                        struct nika_span bytes)
{
    struct durable_node *node = &c->nodes[index];
    const struct nika_snapshot_meta *meta = NULL;
    for (uint32_t i = node->meta_count; i > 0 && meta == NULL; i--)
        if (node->metas[i - 1].seq == a->a) meta = &node->metas[i - 1];
    enum nika_err err =
        nika_disk_store_submit(node->store, a, bytes, &nika_app_kv, node->app, meta);
    assert_int_equal(err, NIKA_OK);
    if (a->kind == NIKA_ACTION_PERSIST || a->kind == NIKA_ACTION_SNAPSHOT_SAVE) node->waiting++;
}

static void apply(struct durable_cluster *c, uint32_t index, const struct nika_action *a,
                  struct nika_span bytes)
{
    struct durable_node *node = &c->nodes[index];
    switch ((enum nika_action_kind)a->kind) {
    case NIKA_ACTION_SEND:
        if (is_replica(index)) watch_sent(c, node, bytes);
        post(c, index_of(a->to), NIKA_EVENT_MESSAGE, 0, 0, bytes);
        return;
    case NIKA_ACTION_BROADCAST:
        if (is_replica(index)) watch_sent(c, node, bytes);
        for (uint32_t i = 0; i < DURABLE_REPLICAS; i++)
            if (i != index) post(c, i, NIKA_EVENT_MESSAGE, 0, 0, bytes);
        return;
    case NIKA_ACTION_TIMER:
        node->timer_generation[a->id] = a->token;
        node->timer_due[a->id] = a->a == NIKA_TIMER_CANCEL ? 0 : c->now_ns + a->a;
        return;
    case NIKA_ACTION_PERSIST:
    case NIKA_ACTION_LOG_TRIM:
    case NIKA_ACTION_SNAPSHOT_SAVE:
        if (is_replica(index))
            disk_action(c, index, a, bytes);
        else if (a->kind == NIKA_ACTION_PERSIST)
            post(c, index, NIKA_EVENT_STORED, a->token, 0, (struct nika_span){NULL, 0});
        return;
    case NIKA_ACTION_SNAPSHOT_DROP:
        disk_action(c, index, a, bytes);
        app_action(c, index, a, bytes);
        return;
    case NIKA_ACTION_EXECUTE:
    case NIKA_ACTION_QUERY:
    case NIKA_ACTION_SNAPSHOT_TAKE:
    case NIKA_ACTION_SNAPSHOT_CHUNK:
    case NIKA_ACTION_RESTORE_BEGIN:
    case NIKA_ACTION_RESTORE_CHUNK:
    case NIKA_ACTION_RESTORE_END:
        app_action(c, index, a, bytes);
        return;
    case NIKA_ACTION_COMPLETE:
        node->completed++;
        return;
    case NIKA_ACTION_NOTE:
        assert_int_not_equal(a->id, NIKA_NOTE_ALARM);
        assert_int_not_equal(a->id, NIKA_NOTE_EVIDENCE); /* Nobody lies here. */
        return;
    case NIKA_ACTION_CERTIFY:
        fail(); /* PBFT has no trusted subsystem. */
        return;
    }
}

static void step(struct durable_cluster *c, uint32_t index, struct nika_event *event)
{
    struct durable_node *node = &c->nodes[index];
    event->now_ns = c->now_ns;
    nika_effects_clear(&c->effects);
    if (is_replica(index))
        protocol()->replica->step(node->module, event, &c->effects);
    else
        protocol()->client->step(node->module, event, &c->effects);
    assert_false(c->effects.overflow);
    for (uint32_t i = 0; i < c->effects.count; i++)
        apply(c, index, &c->effects.actions[i],
              nika_action_bytes(&c->effects, &c->effects.actions[i]));
}

/* ---- life of a node ---- */
static void *memory_for(size_t size)
{
    size = (size + 63u) & ~(size_t)63u;
    void *memory = aligned_alloc(64, size);
    assert_non_null(memory);
    memset(memory, 0, size);
    return memory;
}

static void boot(struct durable_cluster *c, uint32_t index)
{
    struct durable_node *node = &c->nodes[index];
    free(node->memory);
    free(node->app_memory);
    node->app_memory = NULL;
    node->host = (struct nika_host){.world = c,
                                    .self = node->id,
                                    .authenticate = authenticate,
                                    .verify = verify,
                                    .jitter = jitter};
    memset(node->timer_due, 0, sizeof node->timer_due);
    node->meta_count = 0;
    node->waiting = 0;
    if (!is_replica(index)) {
        node->memory = memory_for(protocol()->client->size(&c->config));
        node->module = protocol()->client->init(node->memory, &c->config, &node->host);
        return;
    }
    node->memory = memory_for(protocol()->replica->size(&c->config));
    node->app_memory = memory_for(nika_app_kv.size(&c->config));
    node->module = protocol()->replica->init(node->memory, &c->config, &node->host);
    node->app = nika_app_kv.init(node->app_memory, &c->config, 0);
}

void durable_start(struct durable_cluster *c, uint32_t index, enum nika_disk_store_found expected)
{
    struct durable_node *node = &c->nodes[index];
    struct nika_disk_store_error error;
    struct nika_replica_status status;
    enum nika_disk_store_found found = NIKA_DISK_STORE_NEW;
    struct nika_files files = disk_faults_files(node->faults);
    struct nika_disk_store_options options = {.dir = node->path,
                                              .config = &c->config,
                                              .replica = index,
                                              .segment_bytes = 16384,
                                              .inline_io = true,
                                              .file_ops = files.ops,
                                              .file_context = files.context};
    boot(c, index);
    enum nika_err err = nika_disk_store_open(&options, &node->store, &found, &error);
    if (err != NIKA_OK || found != expected)
        print_error("replica %u: %s: %s\n", index, nika_err_text(err), error.text);
    assert_int_equal(err, NIKA_OK);
    assert_int_equal(found, expected);
    struct nika_replica_ops spy = *protocol()->replica;
    spy.recover = spy_recover;
    recovering = &node->recovered;
    node->recovered.count = 0;
    err = nika_disk_store_recover(node->store, &spy, node->module, &nika_app_kv, node->app, &error);
    if (err != NIKA_OK) print_error("replica %u: %s\n", index, error.text);
    assert_int_equal(err, NIKA_OK);
    node->up = true;
    node->recoveries++;
    struct nika_event event = {.kind = NIKA_EVENT_START};
    step(c, index, &event);
    protocol()->replica->status(node->module, &status);
    if (found == NIKA_DISK_STORE_INTACT) check_votes_recovered(node, status.low_mark);
}

static void down(struct durable_cluster *c, uint32_t index)
{
    struct durable_node *node = &c->nodes[index];
    node->up = false;
    node->epoch++;
    nika_disk_store_close(node->store);
    node->store = NULL;
}

void durable_kill(struct durable_cluster *c, uint32_t index, enum crash_kind kind)
{
    struct durable_node *node = &c->nodes[index];
    if (!disk_faults_crashed(node->faults)) {
        /* Whatever the close of a live store would do, a dead process does not. */
        struct nika_files files = disk_faults_files(node->faults);
        disk_faults_crash_at(node->faults, 1);
        (void)files.ops->sync_dir(files.context, files.dir);
    }
    if (node->up) down(c, index);
    disk_faults_restart(node->faults, kind);
}

/* ---- running ---- */
static bool deliver(struct durable_cluster *c)
{
    struct durable_message *m = c->first;
    struct nika_frame frame;
    if (m == NULL) return false;
    c->first = m->next;
    if (c->first == NULL) c->last = NULL;
    struct durable_node *node = &c->nodes[m->index];
    struct nika_event event = {
        .kind = m->kind, .token = m->token, .status = m->status, .bytes = {m->bytes, m->size}};
    bool good = node->up && m->epoch == node->epoch;
    if (good && m->kind == NIKA_EVENT_MESSAGE) {
        assert_int_equal(
            nika_ingress(&c->config, protocol()->replica->messages, event.bytes, &frame), NIKA_OK);
        assert_true(verify(c, node->id, &frame));
        event.frame = &frame;
    }
    if (good) step(c, m->index, &event);
    free(m);
    return true;
}

/* The disk of one node does all that waits for it. */
static void disk_turn(struct durable_cluster *c, uint32_t index)
{
    struct durable_node *node = &c->nodes[index];
    struct nika_disk_store_done done[64];
    uint32_t count = nika_disk_store_poll(node->store, done, 64);
    if (disk_faults_crashed(node->faults)) return; /* It died before it could tell. */
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(done[i].status, 0);
        node->waiting--;
        post(c, index, NIKA_EVENT_STORED, done[i].token, 0, (struct nika_span){NULL, 0});
    }
}

static void next_timer(struct durable_cluster *c)
{
    uint32_t who = NODES, which = 0;
    uint64_t due = UINT64_MAX;
    for (uint32_t i = 0; i < NODES; i++) {
        for (uint32_t t = 0; t < NIKA_TIMERS_MAX && c->nodes[i].up; t++) {
            if (c->nodes[i].timer_due[t] == 0 || c->nodes[i].timer_due[t] >= due) continue;
            due = c->nodes[i].timer_due[t];
            who = i;
            which = t;
        }
    }
    assert_int_not_equal(who, NODES);
    if (due > c->now_ns) c->now_ns = due;
    c->nodes[who].timer_due[which] = 0;
    struct nika_event event = {.kind = NIKA_EVENT_TIMER,
                               .timer = which,
                               .generation = c->nodes[who].timer_generation[which]};
    step(c, who, &event);
}

static void ask(struct durable_cluster *c, uint32_t index)
{
    struct durable_node *client = &c->nodes[index];
    uint8_t op[256];
    bool read_only = false;
    uint32_t size =
        nika_app_kv.workload_op(draw(c, UINT64_MAX), draw(c, UINT64_MAX), index - DURABLE_REPLICAS,
                                client->asked, 60, 100000, 0, op, sizeof op, &read_only);
    client->asked++;
    post(c, index, NIKA_EVENT_INVOKE, client->asked, 0, (struct nika_span){op, size});
}

static void one_step(struct durable_cluster *c)
{
    c->now_ns += 20000;
    uint32_t disk = (uint32_t)draw(c, DURABLE_REPLICAS);
    if (c->nodes[disk].up && c->nodes[disk].waiting > 0 && draw(c, 3) == 0) {
        disk_turn(c, disk);
        return;
    }
    if (deliver(c)) return;
    for (uint32_t i = 0; i < DURABLE_REPLICAS; i++) {
        if (!c->nodes[i].up || c->nodes[i].waiting == 0) continue;
        disk_turn(c, i);
        return;
    }
    next_timer(c);
}

void durable_steps(struct durable_cluster *c, uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++) one_step(c);
}

/* A victim dies in some call of its disk; it comes back a while later. */
struct reaper {
    uint32_t victim, killed;
    uint64_t at; /* Step of the next act. */
};

static void reap(struct durable_cluster *c, struct reaper *r, uint64_t now)
{
    struct durable_node *node = r->victim < DURABLE_REPLICAS ? &c->nodes[r->victim] : NULL;
    if (node != NULL && node->up && disk_faults_crashed(node->faults)) {
        durable_kill(c, r->victim, (enum crash_kind)draw(c, CRASH_KINDS));
        r->killed++;
        r->at = now + draw(c, 2000);
        return;
    }
    if (now < r->at) return;
    if (node == NULL) {
        r->victim = (uint32_t)draw(c, DURABLE_REPLICAS);
        disk_faults_crash_at(c->nodes[r->victim].faults, 1 + (uint32_t)draw(c, 60));
    } else if (!node->up) {
        durable_start(c, r->victim, NIKA_DISK_STORE_INTACT);
        r->victim = DURABLE_REPLICAS;
        r->at = now + draw(c, 800);
    }
}

uint32_t durable_run(struct durable_cluster *c, uint64_t operations, bool kills)
{
    struct reaper reaper = {.victim = DURABLE_REPLICAS};
    uint64_t target[DURABLE_CLIENTS];
    for (uint32_t k = 0; k < DURABLE_CLIENTS; k++)
        target[k] = c->nodes[DURABLE_REPLICAS + k].completed + operations;
    for (uint64_t now = 0;; now++) {
        bool finished = true;
        assert_true(now < STEPS_MAX);
        for (uint32_t k = 0; k < DURABLE_CLIENTS; k++) {
            struct durable_node *client = &c->nodes[DURABLE_REPLICAS + k];
            finished = finished && client->completed >= target[k];
            if (client->asked == client->completed && client->completed < target[k])
                ask(c, DURABLE_REPLICAS + k);
        }
        if (finished && reaper.victim == DURABLE_REPLICAS) break;
        if (finished && c->nodes[reaper.victim].up &&
            !disk_faults_crashed(c->nodes[reaper.victim].faults))
            break;
        one_step(c);
        if (kills) reap(c, &reaper, now);
    }
    if (reaper.victim < DURABLE_REPLICAS) disk_faults_crash_at(c->nodes[reaper.victim].faults, 0);
    return reaper.killed;
}

void durable_check_equal(struct durable_cluster *c)
{
    struct nika_replica_status first, other;
    struct nika_snapshot_meta meta, other_meta;
    for (uint32_t i = 0; i < 200000; i++) {
        bool equal = c->first == NULL;
        protocol()->replica->status(c->nodes[0].module, &first);
        for (uint32_t k = 1; k < DURABLE_REPLICAS; k++) {
            protocol()->replica->status(c->nodes[k].module, &other);
            equal = equal && other.last_executed == first.last_executed && other.pending == 0;
        }
        if (equal) break;
        one_step(c);
    }
    nika_app_kv.snapshot_take(c->nodes[0].app, 1000000, &meta);
    for (uint32_t k = 1; k < DURABLE_REPLICAS; k++) {
        protocol()->replica->status(c->nodes[k].module, &other);
        assert_int_equal(other.last_executed, first.last_executed);
        nika_app_kv.snapshot_take(c->nodes[k].app, 1000000, &other_meta);
        assert_memory_equal(meta.root.bytes, other_meta.root.bytes, NIKA_DIGEST_SIZE);
    }
}

/* ---- making and ending ---- */
struct durable_cluster *durable_new(uint64_t seed)
{
    const char *reason = NULL;
    struct durable_cluster *c = calloc(1, sizeof *c);
    assert_non_null(c);
    nika_auth_install_sim(&nika_auth_sim_table);
    nika_config_default(&c->config);
    c->config.protocol = protocol()->id;
    c->config.clients = DURABLE_CLIENTS;
    c->config.suite = NIKA_SUITE_SIM;
    c->config.chunk_size = 512;
    c->config.snapshot_size_max = 64 * 1024;
    assert_int_equal(nika_config_seal(&c->config, &reason), NIKA_OK);
    c->keyring = nika_keyring_new_derived(NIKA_SUITE_SIM, DURABLE_REPLICAS, DURABLE_CLIENTS, 7);
    c->effects = (struct nika_effects){.capacity = EFFECT_COUNT, .bytes_capacity = EFFECT_BYTES};
    c->effects.actions = calloc(EFFECT_COUNT, sizeof *c->effects.actions);
    c->effects.bytes = malloc(EFFECT_BYTES);
    c->scratch = malloc(SCRATCH_BYTES);
    assert_true(c->keyring != NULL && c->effects.actions != NULL && c->effects.bytes != NULL &&
                c->scratch != NULL);
    c->seed = seed;
    c->now_ns = UINT64_C(1000000000);
    disk_faults_folder(c->path);
    for (uint32_t i = 0; i < NODES; i++) {
        struct durable_node *node = &c->nodes[i];
        node->id = is_replica(i) ? i : nika_client_node(i - DURABLE_REPLICAS);
        if (!is_replica(i)) {
            struct nika_event event = {.kind = NIKA_EVENT_START};
            boot(c, i);
            node->up = true;
            step(c, i, &event);
            continue;
        }
        snprintf(node->path, sizeof node->path, "%s/node-%u", c->path, i);
        assert_int_equal(mkdir(node->path, 0700), 0);
        node->faults = disk_faults_new(node->path);
        durable_start(c, i, NIKA_DISK_STORE_NEW);
    }
    return c;
}

void durable_free(struct durable_cluster *c, bool keep)
{
    for (struct durable_message *m = c->first; m != NULL;) {
        struct durable_message *next = m->next;
        free(m);
        m = next;
    }
    for (uint32_t i = 0; i < NODES; i++) {
        struct durable_node *node = &c->nodes[i];
        nika_disk_store_close(node->store);
        if (node->faults != NULL) disk_faults_free(node->faults);
        free(node->memory);
        free(node->app_memory);
        free(node->sent.list);
        free(node->recovered.list);
    }
    if (!keep) disk_faults_remove_tree(c->path);
    nika_keyring_free(c->keyring);
    free(c->effects.actions);
    free(c->effects.bytes);
    free(c->scratch);
    free(c);
}
