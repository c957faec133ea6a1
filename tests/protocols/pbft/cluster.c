/* tests/protocols/pbft/cluster.c: see cluster.h. */
#include "tests/protocols/pbft/cluster.h"

#define EFFECT_BYTES (64u * 1024u * 1024u)
#define EFFECT_COUNT 65536u

static struct cluster_bytes copy(struct nika_span span)
{
    struct cluster_bytes out = {malloc(span.size + 1u), span.size};
    assert_non_null(out.data);
    if (span.size > 0) memcpy(out.data, span.data, span.size);
    return out;
}

static uint32_t authenticate(void *world, uint32_t self, enum nika_auth_alg alg, uint8_t type,
                             uint32_t to, struct nika_span body, uint8_t *auth)
{
    struct cluster *c = world;
    if (alg == NIKA_AUTH_NONE) return 0;
    uint32_t size = NIKA_SIGNED_HEAD_SIZE + body.size + 8, auth_size = NIKA_AUTH_SIZE_MAX;
    uint8_t *bytes = malloc(size);
    struct nika_writer w = nika_writer_of(bytes, size);
    nika_frame_signed_bytes(&c->config, type, self, body, &w);
    enum nika_err err;
    if (alg == NIKA_AUTH_MAC) {
        err = nika_mac(c->keyring, self, to, (struct nika_span){bytes, w.at}, auth, &auth_size);
    } else {
        err = nika_sign(c->keyring, self, (struct nika_span){bytes, w.at}, auth, &auth_size);
    }
    free(bytes);
    assert_int_equal(err, NIKA_OK);
    return auth_size;
}

static bool verify(void *world, uint32_t self, const struct nika_frame *frame)
{
    struct cluster *c = world;
    if (frame->auth_alg == NIKA_AUTH_NONE) return true;
    uint32_t size = NIKA_SIGNED_HEAD_SIZE + frame->body.size + 8;
    uint8_t *bytes = malloc(size);
    struct nika_writer w = nika_writer_of(bytes, size);
    nika_frame_signed_bytes(&c->config, frame->type, frame->sender, frame->body, &w);
    struct nika_span signed_bytes = {bytes, w.at};
    enum nika_err err =
        frame->auth_alg == NIKA_AUTH_MAC
            ? nika_mac_verify(c->keyring, frame->sender, self, signed_bytes, frame->auth)
            : nika_verify(c->keyring, frame->sender, signed_bytes, frame->auth);
    free(bytes);
    return err == NIKA_OK;
}

static uint64_t jitter(void *world, uint32_t self, uint32_t timer, uint64_t n)
{
    (void)world, (void)self, (void)timer;
    return n / 2;
}

static void enqueue(struct cluster *c, uint32_t from, uint32_t to, struct nika_span bytes)
{
    if (to >= c->config.n || c->nodes[from].silent || c->nodes[to].silent) return;
    struct cluster_message *m = calloc(1, sizeof *m);
    assert_non_null(m);
    m->from = from;
    m->to = to;
    m->bytes = copy(bytes);
    if (c->tail != NULL)
        c->tail->next = m;
    else
        c->head = m;
    c->tail = m;
}

static void watch_sent(struct cluster *c, uint32_t node, struct nika_span bytes)
{
    struct cluster_node *n = &c->nodes[node];
    struct nika_frame frame;
    assert_int_equal(nika_frame_parse(bytes, c->config.epoch, NIKA_MESSAGE_SIZE_MAX, &frame),
                     NIKA_OK);
    n->sent[frame.type]++;
    free(n->last[frame.type].data);
    n->last[frame.type] = copy(bytes);
    if (frame.sender != node || n->silent) return;
    uint64_t view = nika_load_le(frame.body.data, 8);
    if (frame.type == PBFT_TYPE_view_change && view > n->view_change_sent)
        n->view_change_sent = view;
    bool vote = frame.type == PBFT_TYPE_prepare || frame.type == PBFT_TYPE_commit ||
                frame.type == PBFT_TYPE_pre_prepare;
    if (vote && view < n->view_change_sent) n->votes_below++;
}

/* Completions come as later events, never inside the step that asked for them. */
static void defer(struct cluster *c, uint32_t node, enum nika_event_kind kind, uint64_t token,
                  int32_t status, struct nika_span bytes)
{
    struct cluster_completion *completion = calloc(1, sizeof *completion);
    assert_non_null(completion);
    *completion = (struct cluster_completion){
        .node = node, .kind = kind, .token = token, .status = status, .bytes = copy(bytes)};
    if (c->completions_tail != NULL)
        c->completions_tail->next = completion;
    else
        c->completions = completion;
    c->completions_tail = completion;
}

static void app_event(struct cluster *c, uint32_t node, uint64_t token, int32_t status,
                      struct nika_span bytes)
{
    defer(c, node, NIKA_EVENT_APP, token, status, bytes);
}

static void stored_event(struct cluster *c, uint32_t node, uint64_t token)
{
    defer(c, node, NIKA_EVENT_STORED, token, c->nodes[node].fail_disk ? 1 : 0,
          (struct nika_span){0});
}

static void persist(struct cluster *c, uint32_t node, uint32_t kind, uint64_t seq, uint64_t token,
                    struct nika_span bytes)
{
    struct cluster_node *n = &c->nodes[node];
    assert_true(n->log_count < CLUSTER_LOG_MAX);
    struct cluster_record *record = &n->log[n->log_count++];
    *record =
        (struct cluster_record){.kind = kind, .seq = seq, .token = token, .bytes = copy(bytes)};
    if (n->hold_disk) return;
    record->durable = !n->fail_disk;
    record->dead = n->fail_disk;
    stored_event(c, node, token);
}

static void app_execute(struct cluster *c, uint32_t node, uint64_t token, struct nika_span bytes)
{
    struct cluster_node *n = &c->nodes[node];
    struct nika_reader r = nika_reader_of(bytes);
    uint64_t seq = nika_read_u64(&r);
    (void)nika_read_u64(&r);
    struct nika_digest digest = nika_read_digest(&r);
    uint32_t count = nika_read_u32(&r);
    struct nika_span parts[2] = {{n->app.state.bytes, NIKA_DIGEST_SIZE},
                                 {digest.bytes, NIKA_DIGEST_SIZE}};
    if (count > 0) nika_sha256(parts, 2, &n->app.state);
    assert_true(seq < 256);
    n->executed[seq] = digest;
    n->executed_count[seq]++;
    uint8_t results[1024];
    struct nika_writer w = nika_writer_of(results, sizeof results);
    nika_write_u32(&w, count);
    for (uint32_t i = 0; i < count; i++)
        nika_write_bytes(&w, (struct nika_span){n->app.state.bytes, 8});
    app_event(c, node, token, 0, (struct nika_span){results, w.at});
}

static struct nika_snapshot_meta app_meta(const struct nika_digest *state, uint64_t seq)
{
    struct nika_snapshot_meta meta = {.seq = seq, .chunk_count = 1, .total_size = NIKA_DIGEST_SIZE};
    struct nika_digest leaf;
    nika_merkle_leaf(0, (struct nika_span){state->bytes, NIKA_DIGEST_SIZE}, &leaf);
    nika_merkle_root(&leaf, 1, &leaf, &meta.root);
    return meta;
}

static void send_meta(struct cluster *c, uint32_t node, uint64_t token,
                      const struct nika_digest *state, uint64_t seq)
{
    uint8_t bytes[NIKA_SNAPSHOT_META_SIZE];
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    struct nika_snapshot_meta meta = app_meta(state, seq);
    nika_snapshot_meta_write(&w, &meta);
    app_event(c, node, token, 0, (struct nika_span){bytes, w.at});
}

static void app_action(struct cluster *c, uint32_t node, const struct nika_action *a,
                       struct nika_span bytes)
{
    struct cluster_node *n = &c->nodes[node];
    uint64_t slot = a->a / c->config.checkpoint_interval % 64;
    if (a->kind == NIKA_ACTION_EXECUTE) app_execute(c, node, a->token, bytes);
    if (a->kind == NIKA_ACTION_SNAPSHOT_TAKE) {
        n->app.snapshots[slot] = n->app.state;
        send_meta(c, node, a->token, &n->app.state, a->a);
    }
    if (a->kind == NIKA_ACTION_SNAPSHOT_CHUNK) {
        uint8_t out[64];
        struct nika_writer w = nika_writer_of(out, sizeof out);
        nika_write_bytes(&w, (struct nika_span){n->app.snapshots[slot].bytes, NIKA_DIGEST_SIZE});
        nika_write_u32(&w, 0);
        app_event(c, node, a->token, 0, (struct nika_span){out, w.at});
    }
    if (a->kind == NIKA_ACTION_RESTORE_CHUNK && bytes.size == NIKA_DIGEST_SIZE) {
        memcpy(n->app.state.bytes, bytes.data, NIKA_DIGEST_SIZE);
    }
    if (a->kind == NIKA_ACTION_RESTORE_END) {
        uint64_t seq = n->replica->core.transfer.seq;
        n->app.snapshots[seq / c->config.checkpoint_interval % 64] = n->app.state;
        if (n->app.restoring_bad) {
            n->app.restoring_bad = false;
            app_event(c, node, a->token, 1, (struct nika_span){0});
        } else {
            send_meta(c, node, a->token, &n->app.state, seq);
        }
    }
}

static void note(struct cluster_node *n, const struct nika_action *a)
{
    if (a->id == NIKA_NOTE_REJECT && a->a < NIKA_CHECK_COUNT) n->rejects[a->a]++;
    if (a->id == NIKA_NOTE_ALARM) n->alarms++;
    if (a->id == NIKA_NOTE_EVIDENCE) n->evidence++;
}

static void apply(struct cluster *c, uint32_t node, const struct nika_action *a,
                  struct nika_span bytes)
{
    struct cluster_node *n = &c->nodes[node];
    if (a->kind == NIKA_ACTION_SEND && !nika_is_client(a->to)) {
        watch_sent(c, node, bytes);
        enqueue(c, node, a->to, bytes);
    } else if (a->kind == NIKA_ACTION_BROADCAST) {
        watch_sent(c, node, bytes);
        for (uint32_t i = 0; i < c->config.n; i++) {
            if (i != node) enqueue(c, node, i, bytes);
        }
    } else if (a->kind == NIKA_ACTION_TIMER) {
        n->timer_generation[a->id] = a->token;
        n->timer_armed[a->id] = a->a != NIKA_TIMER_CANCEL;
        n->timer_delay[a->id] = a->a;
    } else if (a->kind == NIKA_ACTION_PERSIST) {
        persist(c, node, a->id, a->a, a->token, bytes);
    } else if (a->kind == NIKA_ACTION_SNAPSHOT_SAVE) {
        persist(c, node, NIKA_RECORD_SNAPSHOT, a->a, a->token, bytes);
    } else if (a->kind == NIKA_ACTION_LOG_TRIM) {
        for (uint32_t i = 0; i < n->log_count; i++) {
            if (n->log[i].kind < NIKA_RECORD_LATEST && n->log[i].seq <= a->a) n->log[i].dead = true;
        }
    } else if (a->kind == NIKA_ACTION_NOTE) {
        note(n, a);
    } else {
        app_action(c, node, a, bytes);
    }
}

static void step_once(struct cluster *c, uint32_t node, const struct nika_event *event)
{
    struct cluster_node *n = &c->nodes[node];
    nika_effects_clear(&c->effects);
    nika_replica_pbft.step(n->replica, event, &c->effects);
    assert_false(c->effects.overflow);
    for (uint32_t i = 0; i < c->effects.count; i++) {
        const struct nika_action *action = &c->effects.actions[i];
        apply(c, node, action, nika_action_bytes(&c->effects, action));
    }
}

static void drain(struct cluster *c)
{
    while (c->completions != NULL) {
        struct cluster_completion *completion = c->completions;
        c->completions = completion->next;
        if (c->completions == NULL) c->completions_tail = NULL;
        struct nika_event event = {.kind = completion->kind,
                                   .now_ns = c->now_ns,
                                   .token = completion->token,
                                   .status = completion->status,
                                   .bytes = cluster_span(completion->bytes)};
        step_once(c, completion->node, &event);
        free(completion->bytes.data);
        free(completion);
    }
}

static void step(struct cluster *c, uint32_t node, const struct nika_event *event)
{
    step_once(c, node, event);
    drain(c);
}

static void boot(struct cluster *c, uint32_t node)
{
    struct cluster_node *n = &c->nodes[node];
    free(n->memory);
    size_t size = nika_replica_pbft.size(&c->config);
    n->memory = aligned_alloc(64, (size + 63) / 64 * 64);
    assert_non_null(n->memory);
    memset(n->memory, 0, size);
    n->host = (struct nika_host){
        .world = c, .self = node, .authenticate = authenticate, .verify = verify, .jitter = jitter};
    n->replica = nika_replica_pbft.init(n->memory, &c->config, &n->host);
    memset(n->timer_armed, 0, sizeof n->timer_armed);
}

static void start(struct cluster *c, uint32_t node)
{
    struct nika_event event = {.kind = NIKA_EVENT_START, .now_ns = c->now_ns};
    step(c, node, &event);
}

struct cluster *cluster_new(uint32_t n, uint32_t f)
{
    const char *reason = NULL;
    struct cluster *c = calloc(1, sizeof *c);
    assert_non_null(c);
    nika_auth_install_sim(&nika_auth_sim_table);
    nika_config_default(&c->config);
    c->config.n = n;
    c->config.f = f;
    c->config.clients = 2;
    c->config.suite = NIKA_SUITE_SIM;
    c->config.checkpoint_interval = 4;
    c->config.window = 8;
    c->config.pipeline = 8;
    c->config.batch_ns = 0;
    assert_int_equal(nika_config_seal(&c->config, &reason), NIKA_OK);
    c->keyring = nika_keyring_new_derived(NIKA_SUITE_SIM, n, c->config.clients, 7);
    c->effects = (struct nika_effects){.capacity = EFFECT_COUNT, .bytes_capacity = EFFECT_BYTES};
    c->effects.actions = malloc(EFFECT_COUNT * sizeof *c->effects.actions);
    c->effects.bytes = malloc(EFFECT_BYTES);
    c->now_ns = 1000000000u;
    for (uint32_t i = 0; i < n; i++) boot(c, i);
    for (uint32_t i = 0; i < n; i++) start(c, i);
    return c;
}

void cluster_free(struct cluster *c)
{
    while (c->head != NULL) {
        struct cluster_message *m = c->head;
        c->head = m->next;
        free(m->bytes.data);
        free(m);
    }
    for (uint32_t i = 0; i < c->config.n; i++) {
        struct cluster_node *n = &c->nodes[i];
        for (uint32_t k = 0; k < n->log_count; k++) free(n->log[k].bytes.data);
        for (uint32_t k = 0; k < ARRAY_COUNT(n->last); k++) free(n->last[k].data);
        free(n->memory);
    }
    free(c->effects.actions);
    free(c->effects.bytes);
    nika_keyring_free(c->keyring);
    free(c);
}

struct cluster_bytes cluster_raw_frame(struct cluster *c, uint32_t sender, uint32_t to,
                                       const struct nika_message_info *info, struct nika_span body)
{
    uint8_t auth[NIKA_AUTH_SIZE_MAX];
    uint32_t auth_size = authenticate(c, sender, info->auth, info->type, to, body, auth);
    struct cluster_bytes out = {malloc(nika_frame_size(body.size, auth_size)),
                                nika_frame_size(body.size, auth_size)};
    struct nika_writer f = nika_writer_of(out.data, out.size);
    nika_frame_write(&c->config, info->type, sender, body, info->auth,
                     (struct nika_span){auth, auth_size}, &f);
    assert_false(f.failed);
    return out;
}

struct cluster_bytes cluster_frame(struct cluster *c, uint32_t sender, uint32_t to,
                                   const struct nika_message_info *info, const void *message)
{
    uint32_t size = nika_encoded_size(info, message);
    uint8_t *body = malloc(size + 1);
    struct nika_writer w = nika_writer_of(body, size);
    nika_encode(info, message, &w);
    assert_false(w.failed);
    struct cluster_bytes out =
        cluster_raw_frame(c, sender, to, info, (struct nika_span){body, size});
    free(body);
    return out;
}

bool cluster_deliver(struct cluster *c, uint32_t to, struct cluster_bytes bytes)
{
    struct nika_frame frame;
    if (nika_ingress(&c->config, nika_replica_pbft.messages, cluster_span(bytes), &frame) !=
        NIKA_OK)
        return false;
    if (!verify(c, to, &frame)) return false;
    struct nika_event event = {.kind = NIKA_EVENT_MESSAGE, .now_ns = c->now_ns, .frame = &frame};
    step(c, to, &event);
    return true;
}

void cluster_run(struct cluster *c)
{
    for (uint32_t guard = 0; c->head != NULL; guard++) {
        assert_true(guard < 200000);
        struct cluster_message *m = c->head;
        c->head = m->next;
        if (c->head == NULL) c->tail = NULL;
        struct nika_frame frame;
        bool parsed = nika_frame_parse(cluster_span(m->bytes), c->config.epoch,
                                       NIKA_MESSAGE_SIZE_MAX, &frame) == NIKA_OK;
        bool dropped = c->nodes[m->to].silent ||
                       (parsed && c->drop != NULL && c->drop(c, m->from, m->to, &frame));
        if (!dropped) (void)cluster_deliver(c, m->to, m->bytes);
        free(m->bytes.data);
        free(m);
    }
}

bool cluster_fire(struct cluster *c, uint32_t node, uint32_t timer)
{
    struct cluster_node *n = &c->nodes[node];
    if (!n->timer_armed[timer]) return false;
    n->timer_armed[timer] = false;
    struct nika_event event = {.kind = NIKA_EVENT_TIMER,
                               .now_ns = c->now_ns,
                               .timer = timer,
                               .generation = n->timer_generation[timer]};
    step(c, node, &event);
    return true;
}

void cluster_status(struct cluster *c, uint32_t rounds)
{
    for (uint32_t k = 0; k < rounds; k++) {
        c->now_ns += 20 * c->config.status_ns;
        for (uint32_t i = 0; i < c->config.n; i++) {
            if (!c->nodes[i].silent) (void)cluster_fire(c, i, COMMON_TIMER_STATUS);
            cluster_run(c);
        }
    }
}

void cluster_disk(struct cluster *c, uint32_t node)
{
    struct cluster_node *n = &c->nodes[node];
    bool held = n->hold_disk;
    n->hold_disk = false;
    for (uint32_t i = 0; i < n->log_count; i++) {
        if (n->log[i].durable || n->log[i].dead) continue;
        n->log[i].durable = !n->fail_disk;
        n->log[i].dead = n->fail_disk;
        stored_event(c, node, n->log[i].token);
    }
    n->hold_disk = held;
    drain(c);
}

void cluster_request(struct cluster *c, uint32_t client, uint64_t timestamp)
{
    uint8_t op[4] = {(uint8_t)client, (uint8_t)timestamp, 1, 2};
    struct common_request m = {
        .client = client, .timestamp = timestamp, .replier = NIKA_NODE_NONE, .op = {op, sizeof op}};
    struct cluster_bytes frame =
        cluster_frame(c, nika_client_node(client), 0, &common_info_request, &m);
    for (uint32_t i = 0; i < c->config.n; i++) {
        if (!c->nodes[i].silent) assert_true(cluster_deliver(c, i, frame));
    }
    free(frame.data);
}

void cluster_crash_restart(struct cluster *c, uint32_t node)
{
    struct cluster_node *n = &c->nodes[node];
    uint32_t snapshot = UINT32_MAX;
    boot(c, node);
    memset(&n->app.state, 0, sizeof n->app.state);
    for (uint32_t i = 0; i < n->log_count; i++) {
        struct cluster_record *record = &n->log[i];
        if (!record->durable) record->dead = true;
        if (!record->dead && record->kind == NIKA_RECORD_SNAPSHOT) snapshot = i;
        for (uint32_t k = 0;
             k < i && record->kind >= NIKA_RECORD_LATEST && record->kind != NIKA_RECORD_SNAPSHOT;
             k++) {
            if (!record->dead && n->log[k].kind == record->kind) n->log[k].dead = true;
        }
    }
    if (snapshot != UINT32_MAX) {
        struct cluster_record *record = &n->log[snapshot];
        n->app.state = n->app.snapshots[record->seq / c->config.checkpoint_interval % 64];
        nika_replica_pbft.recover(n->replica, NIKA_RECORD_SNAPSHOT, record->seq,
                                  cluster_span(record->bytes));
    }
    for (uint32_t i = 0; i < n->log_count; i++) {
        struct cluster_record *record = &n->log[i];
        if (record->dead || record->kind == NIKA_RECORD_SNAPSHOT) continue;
        nika_replica_pbft.recover(n->replica, record->kind, record->seq,
                                  cluster_span(record->bytes));
    }
    start(c, node);
}

struct nika_replica *cluster_replica(struct cluster *c, uint32_t node)
{
    return c->nodes[node].replica;
}

void cluster_check_agreement(const struct cluster *c)
{
    for (uint32_t seq = 1; seq < 256; seq++) {
        for (uint32_t i = 0; i < c->config.n; i++) {
            for (uint32_t j = 0; j < i; j++) {
                if (c->nodes[i].executed_count[seq] == 0 || c->nodes[j].executed_count[seq] == 0)
                    continue;
                assert_true(
                    nika_digest_equal(&c->nodes[i].executed[seq], &c->nodes[j].executed[seq]));
            }
        }
    }
}
