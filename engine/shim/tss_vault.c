/* engine/shim/tss_vault.c: see tss_vault.h. How an image is judged when the vault is opened is in tss_judge.c. */
#include "engine/shim/tss_vault.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/core/assert.h"
#include "engine/shim/tss_judge.h"
#include "engine/shim/tss_pair.h"

struct place {
    struct nika_files files;
    const char *name;
    int file;
    int lock; /* Of its own: the file may be reached through a test's file system. */
};
struct nika_tss_vault {
    struct nika_tss_state state;
    struct nika_trusted_key *key;
    struct place place[NIKA_TSS_IMAGES]; /* In the order of writing. */
    struct nika_tss_anchor anchor;       /* read == NULL: none. */
    uint64_t found_anchor;               /* Its value when the vault was opened. */
    bool logged, resumed;                /* Steps may go to a log; its newest are known. */
    bool broken;
    struct nika_tss_pair *pair; /* NULL: one file after the other. */
    struct nika_disk_store_error error;
    uint8_t image[NIKA_TSS_FILE_SIZE];
};

static enum nika_err refuse(struct nika_disk_store_error *error, enum nika_err err,
                            const struct place *place, const char *text)
{
    nika_disk_say(error, "%.200s/%s: %s", place->files.path, place->name, text);
    return err;
}

static void set_places(struct nika_tss_vault *v, const struct nika_tss_vault_options *o)
{
    for (uint32_t i = 0; i < NIKA_TSS_IMAGES; i++) {
        struct place *p = &v->place[i];
        p->name = i == 0 ? NIKA_TSS_STATE_FILE : NIKA_TSS_WITNESS_FILE;
        p->file = p->lock = -1;
        p->files = (struct nika_files){
            .ops = o->file_ops != NULL ? o->file_ops : &nika_file_system,
            .context = o->file_context,
            .dir = -1,
            .path = i == 1 && o->witness != NULL ? o->witness : o->dir,
        };
    }
}

static enum nika_err enter(struct place *p, bool make, struct nika_disk_store_error *error)
{
    struct stat info = {0};
    const char *path = p->files.path;
    if (make && mkdir(path, 0700) != 0 && errno != EEXIST)
        return refuse(error, NIKA_ERR_IO, p, strerror(errno));
    p->files.dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (p->files.dir < 0 || fstat(p->files.dir, &info) != 0) {
        nika_disk_say(error, "%.200s: %s%s", path, strerror(errno),
                      make ? "" : " (a new instance is made once, with --init)");
        return NIKA_ERR_IO;
    }
    if ((info.st_mode & 077) == 0) return NIKA_OK;
    nika_disk_say(error, "%.200s: mode %04o lets others in; expected 0700 (chmod 700 %.200s)", path,
                  (unsigned)(info.st_mode & 07777), path);
    return NIKA_ERR_CONFIG;
}

static struct nika_tss_vault *vault_new(const struct nika_tss_vault_options *o,
                                        struct nika_disk_store_error *error)
{
    struct nika_tss_vault *v = calloc(1, sizeof *v);
    if (v != NULL) {
        set_places(v, o);
        v->key = nika_trusted_key_new(o->secret);
        if (o->anchor != NULL) v->anchor = *o->anchor;
        v->logged = o->logged;
    }
    if (v != NULL && v->key != NULL) return v;
    nika_disk_say(error, "%.200s: out of memory", o->dir);
    free(v);
    return NULL;
}

static void take_from_log(struct nika_tss_vault *v);

void nika_tss_vault_close(struct nika_tss_vault *v)
{
    if (v == NULL) return;
    take_from_log(v);
    for (uint32_t i = 0; i < NIKA_TSS_IMAGES; i++) {
        if (v->place[i].file >= 0) (void)close(v->place[i].file);
        if (v->place[i].lock >= 0) (void)close(v->place[i].lock);
        if (v->place[i].files.dir >= 0) (void)close(v->place[i].files.dir);
    }
    nika_tss_pair_free(v->pair);
    nika_trusted_key_free(v->key);
    free(v);
}

static enum nika_err broken(struct nika_tss_vault *v, const char *what, int err)
{
    if (!v->broken) nika_disk_say(&v->error, "%.300s: %s", what, strerror(err));
    v->broken = true;
    return NIKA_ERR_IO;
}

/* ---- writing ---- */
static int sync_both(struct nika_tss_vault *v)
{
    int err = 0;
    if (v->pair != NULL) return nika_tss_pair_sync(v->pair, v->place[0].file, v->place[1].file);
    for (uint32_t i = 0; err == 0 && i < NIKA_TSS_IMAGES; i++)
        err = -v->place[i].files.ops->sync(v->place[i].files.context, v->place[i].file);
    return err;
}

/* Into the half of each file that holds the older image, so that the other one survives whatever becomes of this write; both are durable when it
 * returns NIKA_OK. */
static enum nika_err write_both(struct nika_tss_vault *v, const struct nika_tss_state *state)
{
    struct nika_span image = {v->image, nika_tss_state_encode(state, v->key, v->image)};
    uint64_t half = state->sequence % 2 * NIKA_TSS_STATE_MAX;
    if (image.size == 0) return broken(v, v->place[0].files.path, EINVAL);
    for (uint32_t i = 0; i < NIKA_TSS_IMAGES; i++) {
        struct place *p = &v->place[i];
        int err = nika_file_write_all(&p->files, p->file, image, half);
        if (err != 0) return broken(v, p->files.path, err);
    }
    int err = sync_both(v);
    return err == 0 ? NIKA_OK : broken(v, v->place[0].files.path, err);
}

/* The present image into one file that lacks it. The other one, which has it, is not touched. */
static enum nika_err mend(struct nika_tss_vault *v, struct place *p)
{
    struct nika_span image = {v->image, nika_tss_state_encode(&v->state, v->key, v->image)};
    NIKA_ASSERT(p->files.ops != NULL);
    int err = image.size == 0 ? EINVAL
                              : nika_file_write_all(&p->files, p->file, image,
                                                    v->state.sequence % 2 * NIKA_TSS_STATE_MAX);
    if (err == 0) err = -p->files.ops->sync(p->files.context, p->file);
    return err == 0 ? NIKA_OK : broken(v, p->files.path, err);
}

/* Make `next` what the vault holds: durable in both files, then anchored. Nothing of it may be told before this returned NIKA_OK. */
static enum nika_err advance(struct nika_tss_vault *v, struct nika_tss_state *next)
{
    uint64_t value = 0;
    int failed = 0;
    if (v->state.sequence == UINT64_MAX || v->state.anchor == UINT64_MAX)
        return broken(v, v->place[0].files.path, EOVERFLOW);
    next->sequence = v->state.sequence + 1;
    if (next->anchored) next->anchor = v->state.anchor + 1;
    enum nika_err err = write_both(v, next);
    if (err != NIKA_OK) return err;
    if (next->anchored) failed = v->anchor.step(v->anchor.context, &value);
    if (failed == 0 && next->anchored && value != next->anchor)
        failed = ESTALE; /* Someone else moves it as well. */
    if (failed != 0) return broken(v, "anchor", failed);
    v->state = *next;
    return NIKA_OK;
}

/* ---- steps in a log ---- */
static bool is_led(const struct nika_tss_state *s, uint32_t counter)
{
    return nika_trusted_compare(s->bound[counter], s->instance.counter[counter].last.value) > 0;
}

/* A stop that was asked for: the files say it all again, so whoever opens them next needs no log. */
static void take_from_log(struct nika_tss_vault *v)
{
    struct nika_tss_state next = v->state;
    bool led = false;
    for (uint32_t i = 0; i < v->state.instance.counters; i++) led = led || is_led(&v->state, i);
    if (!v->resumed || v->broken || !led) return;
    memset(next.bound, 0, sizeof next.bound);
    if (advance(v, &next) != NIKA_OK) return; /* The log still says it. */
}

/* A step of this instance and life, within the bound of its counter. */
static bool is_ours(struct nika_tss_vault *v, const struct nika_tss_step *step)
{
    const struct nika_trusted_certificate *c = &step->counter.last;
    const struct nika_tss_state *s = &v->state;
    return step->life == s->life && c->instance == s->instance.id &&
           c->counter < s->instance.counters &&
           nika_trusted_compare(c->value, s->bound[c->counter]) <= 0 &&
           nika_trusted_verify(v->key, s->epochs, s->group, c, &step->counter.digest);
}

enum nika_err nika_tss_vault_resume(struct nika_tss_vault *v, const struct nika_tss_step *steps,
                                    uint32_t count, bool whole, bool *skipped,
                                    struct nika_disk_store_error *error)
{
    struct nika_tss_state next = v->state;
    struct nika_trusted_instance *instance = &next.instance;
    bool known = false;
    NIKA_ASSERT(!v->resumed);
    for (uint32_t i = 0; whole && i < count; i++) {
        const struct nika_trusted_counter *step = &steps[i].counter;
        uint32_t number = step->last.counter;
        if (!is_ours(v, &steps[i])) continue;
        known = true;
        if (nika_trusted_compare(step->last.value, instance->counter[number].last.value) <= 0)
            continue;
        instance->counter[number] = *step;
        if (number >= instance->used) instance->used = number + 1;
    }
    *skipped = false;
    for (uint32_t i = 0; !known && i < instance->counters; i++) {
        /* Of no message, and independent: it must not pass for a statement that nothing was certified before it. */
        const struct nika_digest nothing = {{0}};
        struct nika_trusted_certificate unused;
        if (!is_led(&v->state, i)) continue;
        *skipped = true;
        enum nika_err err = nika_trusted_certify(instance, v->key, NIKA_TRUSTED_INDEPENDENT, i,
                                                 next.bound[i], &nothing, &unused);
        NIKA_ASSERT(err == NIKA_OK);
    }
    memset(next.bound, 0, sizeof next.bound);
    next.life = v->state.sequence + 1; /* Unlike that of all before. */
    enum nika_err err = advance(v, &next);
    if (err != NIKA_OK && error != NULL) *error = v->error;
    v->resumed = v->logged && err == NIKA_OK;
    return err;
}

enum nika_err nika_tss_vault_step(struct nika_tss_vault *v, struct nika_tss_wish *w,
                                  uint8_t record[NIKA_TSS_STEP_SIZE])
{
    struct nika_tss_step step = {.life = v->state.life};
    NIKA_ASSERT(v->resumed && w->kind == NIKA_TRUSTED_INDEPENDENT);
    w->err = v->broken ? NIKA_ERR_IO : NIKA_OK;
    if (w->err != NIKA_OK) return w->err;
    if (w->counter >= v->state.instance.counters) return w->err = NIKA_ERR_CONFIG;
    struct nika_trusted_value at = v->state.instance.counter[w->counter].last.value;
    if (nika_trusted_compare(w->value, at) <= 0) return w->err = NIKA_ERR_CONFIG;
    if (nika_trusted_compare(w->value, v->state.bound[w->counter]) > 0) {
        struct nika_tss_state next = v->state;
        bool last = w->value.order > UINT64_MAX - NIKA_TSS_LEAD;
        next.bound[w->counter] = (struct nika_trusted_value){
            w->value.view, last ? UINT64_MAX : w->value.order + NIKA_TSS_LEAD};
        w->err = advance(v, &next);
    }
    if (w->err == NIKA_OK)
        w->err = nika_trusted_certify(&v->state.instance, v->key, w->kind, w->counter, w->value,
                                      &w->digest, &w->certificate);
    if (w->err != NIKA_OK) return w->err;
    step.counter = v->state.instance.counter[w->counter];
    nika_tss_step_encode(&step, record);
    return NIKA_OK;
}

void nika_tss_vault_unstep(struct nika_tss_vault *v, uint32_t counter,
                           const struct nika_trusted_counter *before)
{
    NIKA_ASSERT(v->resumed && counter < v->state.instance.counters);
    v->state.instance.counter[counter] = *before;
}

/* ---- making ---- */
static bool identity_is_good(const struct nika_tss_identity *id)
{
    return id->group >= 1 && id->group <= NIKA_REPLICAS_MAX && id->instance < id->group &&
           id->counters >= 1 && id->counters <= NIKA_TRUSTED_COUNTERS_MAX &&
           id->epochs[id->instance] != 0;
}

static enum nika_err make_files(struct nika_tss_vault *v, struct nika_disk_store_error *error)
{
    /* Zeros behind it: the full size. */
    (void)nika_tss_state_encode(&v->state, v->key, v->image);
    for (uint32_t i = 0; i < NIKA_TSS_IMAGES; i++) {
        struct place *p = &v->place[i];
        int err =
            nika_file_replace(&p->files, p->name, (struct nika_span){v->image, sizeof v->image});
        if (err != 0) return refuse(error, NIKA_ERR_IO, p, strerror(err));
    }
    return NIKA_OK;
}

enum nika_err nika_tss_vault_make(const struct nika_tss_vault_options *options,
                                  const struct nika_tss_identity *identity,
                                  struct nika_disk_store_error *error)
{
    if (!identity_is_good(identity)) {
        nika_disk_say(error,
                      "instance %" PRIu32 " of %" PRIu32 " with %" PRIu32
                      " counters: expected an instance below the group's size (at most %u), 1..%u "
                      "counters, and an epoch from 1",
                      identity->instance, identity->group, identity->counters, NIKA_REPLICAS_MAX,
                      NIKA_TRUSTED_COUNTERS_MAX);
        return NIKA_ERR_CONFIG;
    }
    struct nika_tss_vault *v = vault_new(options, error);
    enum nika_err err = v == NULL ? NIKA_ERR_IO : NIKA_OK;
    for (uint32_t i = 0; err == NIKA_OK && i < NIKA_TSS_IMAGES; i++) {
        struct place *p = &v->place[i];
        err = enter(p, true, error);
        if (err == NIKA_OK && nika_file_exists(&p->files, p->name))
            err = refuse(error, NIKA_ERR_CONFIG, p,
                         "exists; an instance is never set back within its epoch. A new one needs "
                         "another directory and a new epoch in the group's configuration");
    }
    if (err == NIKA_OK) {
        struct nika_tss_state *s = &v->state;
        nika_trusted_instance_init(&s->instance, identity->instance,
                                   identity->epochs[identity->instance], identity->counters);
        s->group = identity->group;
        memcpy(s->epochs, identity->epochs, identity->group * sizeof s->epochs[0]);
        s->anchored = v->anchor.read != NULL;
        int failed = s->anchored ? v->anchor.read(v->anchor.context, &s->anchor) : 0;
        if (failed != 0) nika_disk_say(error, "anchor: %s", strerror(failed));
        err = failed != 0 ? NIKA_ERR_IO : make_files(v, error);
    }
    nika_tss_vault_close(v);
    return err;
}

/* ---- opening ---- */
/* The newer of the two images that a file holds; what is wrong with it when neither is whole. */
static void decode_halves(struct nika_tss_vault *v, uint32_t size, struct nika_tss_image *out)
{
    static const uint8_t never[8];
    struct nika_tss_image *half = calloc(1, sizeof *half);
    NIKA_ASSERT(half != NULL && "no memory for an image");
    out->found = NIKA_ERR_MALFORMED;
    for (uint32_t at = 0; at < size; at += NIKA_TSS_STATE_MAX) {
        uint32_t here = size - at < NIKA_TSS_STATE_MAX ? size - at : NIKA_TSS_STATE_MAX;
        if (here >= sizeof never && memcmp(v->image + at, never, sizeof never) == 0) continue;
        half->found =
            nika_tss_state_decode((struct nika_span){v->image + at, here}, v->key, &half->state);
        bool newer = half->found == NIKA_OK &&
                     (out->found != NIKA_OK || half->state.sequence > out->state.sequence);
        if (newer || (out->found == NIKA_ERR_MALFORMED && half->found != NIKA_OK)) *out = *half;
    }
    free(half);
}

static enum nika_err read_place(struct nika_tss_vault *v, struct place *p,
                                struct nika_tss_image *out, struct nika_disk_store_error *error)
{
    struct stat info = {0};
    uint32_t got = 0;
    if (!nika_file_exists(&p->files, p->name))
        return refuse(error, NIKA_ERR_CONFIG, p,
                      "is missing; without it nobody can tell what was certified. A new instance "
                      "(--init) needs a new epoch");
    p->lock = openat(p->files.dir, p->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (p->lock < 0 || flock(p->lock, LOCK_EX | LOCK_NB) != 0)
        return refuse(error, NIKA_ERR_IO, p,
                      errno == EWOULDBLOCK ? "another process serves this instance"
                                           : strerror(errno));
    p->file = p->files.ops->open(p->files.context, p->files.dir, p->name, false);
    if (p->file < 0) return refuse(error, NIKA_ERR_IO, p, strerror(-p->file));
    if (fstat(p->file, &info) != 0) return refuse(error, NIKA_ERR_IO, p, strerror(errno));
    if ((info.st_mode & 077) != 0)
        return refuse(error, NIKA_ERR_CONFIG, p, "lets others in; expected mode 0600");
    int err = nika_file_read_part(&p->files, p->name, 0, v->image, sizeof v->image, &got);
    if (err != 0) return refuse(error, NIKA_ERR_IO, p, strerror(err));
    decode_halves(v, got, out);
    return NIKA_OK;
}

/* Both files, judged together; the newest image that may be served into v->state. *stale: the file that lacks it, or NULL. */
static enum nika_err load(struct nika_tss_vault *v, struct place **stale,
                          struct nika_disk_store_error *error)
{
    struct nika_tss_image *images = calloc(NIKA_TSS_IMAGES, sizeof *images);
    enum nika_err err = images != NULL ? NIKA_OK : NIKA_ERR_IO;
    if (err != NIKA_OK) nika_disk_say(error, "out of memory");
    for (uint32_t i = 0; err == NIKA_OK && i < NIKA_TSS_IMAGES; i++)
        err = read_place(v, &v->place[i], &images[i], error);
    if (err == NIKA_OK) {
        uint32_t chosen = 0;
        bool differ = false;
        char why[NIKA_TSS_WHY_SIZE];
        err = nika_tss_judge_images(images, &chosen, &differ, why);
        *stale = differ ? &v->place[1 - chosen] : NULL;
        if (err != NIKA_OK) nika_disk_say(error, "%.200s: %s", v->place[0].files.path, why);
        v->state = images[chosen].state;
    }
    free(images);
    return err;
}

static enum nika_err judge_anchor(struct nika_tss_vault *v, struct nika_disk_store_error *error)
{
    char why[NIKA_TSS_WHY_SIZE];
    uint64_t value = 0;
    bool anchored = v->anchor.read != NULL;
    int failed = anchored ? v->anchor.read(v->anchor.context, &value) : 0;
    if (failed != 0) {
        nika_disk_say(error, "%.200s: the anchor cannot be read: %s", v->place[0].files.path,
                      strerror(failed));
        return NIKA_ERR_IO;
    }
    enum nika_err err = nika_tss_judge_anchor(&v->state, anchored, value, why);
    if (err != NIKA_OK) nika_disk_say(error, "%.200s: %s", v->place[0].files.path, why);
    v->found_anchor = value;
    return err;
}

/* Bring both files and the anchor to one state again, before the first call. The files first: another interruption must not leave them two
 * steps apart. Then one step of the anchor without a certificate: what an earlier life wrote for its next value is old from here on. */
static enum nika_err settle(struct nika_tss_vault *v, struct place *stale,
                            struct nika_disk_store_error *error)
{
    enum nika_err err = stale != NULL ? mend(v, stale) : NIKA_OK;
    if (err == NIKA_OK && v->state.anchored) {
        struct nika_tss_state next = v->state;
        v->state.anchor = v->found_anchor; /* The image may be ahead of it. */
        err = advance(v, &next);
    }
    if (err != NIKA_OK && error != NULL) *error = v->error;
    return err;
}

enum nika_err nika_tss_vault_open(const struct nika_tss_vault_options *options,
                                  struct nika_tss_vault **out, struct nika_disk_store_error *error)
{
    struct place *stale = NULL;
    struct nika_tss_vault *v = vault_new(options, error);
    enum nika_err err = v == NULL ? NIKA_ERR_IO : NIKA_OK;
    for (uint32_t i = 0; err == NIKA_OK && i < NIKA_TSS_IMAGES; i++)
        err = enter(&v->place[i], false, error);
    if (err == NIKA_OK) err = load(v, &stale, error);
    if (err == NIKA_OK) err = judge_anchor(v, error);
    /* A test's files are its own to sync. */
    if (err == NIKA_OK && v->place[0].files.ops == &nika_file_system) v->pair = nika_tss_pair_new();
    if (err == NIKA_OK) err = settle(v, stale, error);
    bool skipped = false;
    for (uint32_t i = 0; err == NIKA_OK && !v->logged && i < v->state.instance.counters; i++) {
        if (!is_led(&v->state, i)) continue;
        err = nika_tss_vault_resume(v, NULL, 0, false, &skipped, error);
    }
    if (err == NIKA_OK) {
        *out = v;
        return NIKA_OK;
    }
    nika_tss_vault_close(v);
    return err;
}

/* ---- the calls ---- */
void nika_tss_vault_certify_all(struct nika_tss_vault *v, struct nika_tss_wish *wishes,
                                uint32_t count)
{
    struct nika_tss_state next = v->state;
    bool moved = false;
    for (uint32_t i = 0; i < count; i++) {
        struct nika_tss_wish *w = &wishes[i];
        w->err = v->broken ? NIKA_ERR_IO
                           : nika_trusted_certify(&next.instance, v->key, w->kind, w->counter,
                                                  w->value, &w->digest, &w->certificate);
        moved = moved || (w->err == NIKA_OK && w->kind != NIKA_TRUSTED_MAC);
    }
    if (!moved || advance(v, &next) == NIKA_OK) return;
    for (uint32_t i = 0; i < count; i++) wishes[i].err = NIKA_ERR_IO;
}

enum nika_err nika_tss_vault_certify(struct nika_tss_vault *v, enum nika_trusted_kind kind,
                                     uint32_t counter, struct nika_trusted_value value,
                                     const struct nika_digest *digest,
                                     struct nika_trusted_certificate *out)
{
    struct nika_tss_wish wish = {
        .kind = kind, .counter = counter, .value = value, .digest = *digest};
    nika_tss_vault_certify_all(v, &wish, 1);
    if (wish.err == NIKA_OK) *out = wish.certificate;
    return wish.err;
}

bool nika_tss_vault_verify(struct nika_tss_vault *v,
                           const struct nika_trusted_certificate *certificate,
                           const struct nika_digest *digest)
{
    return !v->broken &&
           nika_trusted_verify(v->key, v->state.epochs, v->state.group, certificate, digest);
}

enum nika_err nika_tss_vault_read(struct nika_tss_vault *v, uint32_t counter,
                                  struct nika_trusted_value *value, uint64_t *epoch)
{
    if (v->broken) return NIKA_ERR_IO;
    return nika_trusted_read(&v->state.instance, counter, value, epoch);
}

enum nika_err nika_tss_vault_reissue(struct nika_tss_vault *v, uint32_t counter,
                                     struct nika_trusted_certificate *out,
                                     struct nika_digest *digest)
{
    if (v->broken) return NIKA_ERR_IO;
    return nika_trusted_reissue(&v->state.instance, counter, out, digest);
}

const struct nika_tss_state *nika_tss_vault_state(const struct nika_tss_vault *v)
{
    return &v->state;
}

const char *nika_tss_vault_broken(const struct nika_tss_vault *v)
{
    return v->broken ? v->error.text : NULL;
}
