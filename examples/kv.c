/* examples/kv.c: a replicated key-value store in another process, in C and POSIX alone (docs/external.md). The same as examples/kv.py: replicas
 * of one cluster may run either. Usage: kv SOCKET. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define KEY_MAX 64u
#define VALUE_MAX 1024u
#define FRAME_MAX (2u * 1024u * 1024u)
#define PAIRS_MAX 131072u /* More than a state of 1 MiB can hold. */
#define VERSION "nika-app-1"

enum { HELLO = 1, EXECUTE, QUERY, SNAPSHOT, RESTORE };
enum { PUT = 1, GET, DEL, CAS };
enum { OK, NOT_FOUND, MISMATCH, FULL, BAD, NOT_READ_ONLY = 6 };

struct text {
    const uint8_t *data;
    uint32_t size;
};
struct pair {
    uint8_t *key, *value;
    uint32_t key_size, value_size;
};
struct reader {
    const uint8_t *data;
    size_t left;
    bool bad;
};

static struct pair pairs
    [PAIRS_MAX]; /* In byte order of their keys: the state decides the snapshot, not its history. */
static uint32_t pair_count, state_size = 4, state_max;
static uint8_t request[FRAME_MAX], reply[FRAME_MAX];
static size_t reply_size;

static void *must(void *memory)
{
    if (memory != NULL) return memory;
    fprintf(stderr, "kv: out of memory\n");
    exit(1);
}

/* ---- bytes ---- */
static uint64_t number(struct reader *r, uint32_t size)
{
    uint64_t value = 0;
    if (r->bad || r->left < size) {
        r->bad = true;
        return 0;
    }
    for (uint32_t i = 0; i < size; i++) value |= (uint64_t)r->data[i] << (8 * i);
    r->data += size;
    r->left -= size;
    return value;
}

static struct text text(struct reader *r)
{
    struct text t = {NULL, (uint32_t)number(r, 4)};
    if (r->bad || r->left < t.size) {
        r->bad = true;
        return (struct text){NULL, 0};
    }
    t.data = r->data;
    r->data += t.size;
    r->left -= t.size;
    return t;
}

static void put_number(uint64_t value, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++) reply[reply_size++] = (uint8_t)(value >> (8 * i));
}

static void put_text(const uint8_t *data, uint32_t size)
{
    put_number(size, 4);
    if (size > 0) memcpy(reply + reply_size, data, size);
    reply_size += size;
}

/* ---- the state ---- */
static bool find(struct text key, uint32_t *at)
{
    uint32_t low = 0, high = pair_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct pair *p = &pairs[middle];
        uint32_t common = p->key_size < key.size ? p->key_size : key.size;
        int order = common > 0 ? memcmp(p->key, key.data, common) : 0;
        if (order == 0) order = (p->key_size > key.size) - (p->key_size < key.size);
        if (order == 0) {
            *at = middle;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *at = low;
    return false;
}

static uint8_t *copy(struct text t)
{
    uint8_t *data = must(malloc((size_t)t.size + 1));
    if (t.size > 0) memcpy(data, t.data, t.size);
    return data;
}

static int put(struct text key, struct text value)
{
    uint32_t at;
    bool there = find(key, &at);
    uint32_t size = there ? state_size + value.size - pairs[at].value_size
                          : state_size + 8 + key.size + value.size;
    if (size > state_max || (!there && pair_count == PAIRS_MAX)) return FULL;
    if (there) {
        free(pairs[at].value);
    } else {
        memmove(&pairs[at + 1], &pairs[at], (pair_count++ - at) * sizeof pairs[0]);
        pairs[at].key = copy(key);
        pairs[at].key_size = key.size;
    }
    pairs[at].value = copy(value);
    pairs[at].value_size = value.size;
    state_size = size;
    return OK;
}

static void drop(uint32_t at)
{
    state_size -= 8 + pairs[at].key_size + pairs[at].value_size;
    free(pairs[at].key);
    free(pairs[at].value);
    memmove(&pairs[at], &pairs[at + 1], (--pair_count - at) * sizeof pairs[0]);
}

static void reset(void)
{
    while (pair_count > 0) drop(pair_count - 1);
}

/* ---- operations ---- */
static int change(uint8_t kind, struct text key, bool present, struct text expected,
                  struct text value)
{
    uint32_t at;
    bool there = find(key, &at);
    if (kind == PUT) return put(key, value);
    if (!there && (kind == DEL || present)) return NOT_FOUND;
    if (kind == DEL) {
        drop(at);
        return OK;
    }
    bool same = there && pairs[at].value_size == expected.size &&
                (expected.size == 0 || memcmp(pairs[at].value, expected.data, expected.size) == 0);
    if (there != present || (present && !same)) return MISMATCH;
    return put(key, value);
}

static void status(uint8_t code)
{
    put_text(&code, 1);
}

static void run(struct text operation, bool may_write)
{
    struct reader r = {operation.data, operation.size, false};
    uint8_t kind = (uint8_t)number(&r, 1), ok = OK;
    struct text key = text(&r), expected = {NULL, 0}, value = {NULL, 0};
    uint64_t present = 1;
    uint32_t at;
    if (kind == CAS) {
        present = number(&r, 1);
        expected = text(&r);
    }
    if (kind == PUT || kind == CAS) value = text(&r);
    if (r.bad || r.left > 0 || kind < PUT || kind > CAS || key.size == 0 || key.size > KEY_MAX ||
        present > 1 || (present == 0 && expected.size > 0) || expected.size > VALUE_MAX ||
        value.size > VALUE_MAX) {
        status(BAD);
    } else if (kind != GET) {
        status(may_write ? (uint8_t)change(kind, key, present == 1, expected, value)
                         : NOT_READ_ONLY);
    } else if (!find(key, &at)) {
        status(NOT_FOUND);
    } else {
        put_number(5u + pairs[at].value_size, 4);
        put_number(ok, 1);
        put_text(pairs[at].value, pairs[at].value_size);
    }
}

static void snapshot(void)
{
    put_number(state_size, 4);
    put_number(pair_count, 4);
    for (uint32_t i = 0; i < pair_count; i++) {
        put_text(pairs[i].key, pairs[i].key_size);
        put_text(pairs[i].value, pairs[i].value_size);
    }
}

static bool restore(struct text state)
{
    struct reader r = {state.data, state.size, false};
    reset();
    for (uint64_t left = number(&r, 4); left > 0 && !r.bad; left--) {
        struct text key = text(&r), value = text(&r);
        if (!r.bad && put(key, value) != OK) return false;
    }
    return !r.bad && r.left == 0;
}

/* ---- the connection ---- */
static bool answer(uint8_t method, struct reader r)
{
    struct text version;
    switch (method) {
    case HELLO:
        version = text(&r);
        (void)number(&r, 8); /* Limits of operations and replies: ours are smaller. */
        reset();
        state_max = (uint32_t)number(&r, 4);
        put_text((const uint8_t *)VERSION, sizeof VERSION - 1);
        return !r.bad && version.size == sizeof VERSION - 1 &&
               memcmp(version.data, VERSION, version.size) == 0;
    case EXECUTE:
        (void)number(&r, 4); /* Client, its timestamp, the agreed time. */
        (void)number(&r, 8);
        (void)number(&r, 8);
        run(text(&r), true);
        return !r.bad;
    case QUERY:
        (void)number(&r, 4);
        (void)number(&r, 8);
        run(text(&r), false);
        return !r.bad;
    case SNAPSHOT:
        snapshot();
        return true;
    case RESTORE:
        return restore(text(&r)) && !r.bad;
    default:
        return false;
    }
}

static bool receive(int fd, uint8_t *out, size_t size)
{
    while (size > 0) {
        ssize_t got = recv(fd, out, size, 0);
        if (got <= 0) return false;
        out += got;
        size -= (size_t)got;
    }
    return true;
}

static bool deliver(int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent <= 0) return false;
        data += sent;
        size -= (size_t)sent;
    }
    return true;
}

static void serve(int fd)
{
    uint8_t head[4];
    while (receive(fd, head, sizeof head)) {
        struct reader h = {head, sizeof head, false};
        uint32_t size = (uint32_t)number(&h, 4);
        if (size < 9 || size > sizeof request || !receive(fd, request, size)) return;
        reply_size = 4;
        memcpy(reply + reply_size, request, 8); /* The id. */
        reply_size += 8;
        put_number(0, 1);
        if (!answer(request[8], (struct reader){request + 9, size - 9u, false})) return;
        size_t end = reply_size;
        reply_size = 0;
        put_number(end - 4, 4);
        if (!deliver(fd, reply, end)) return;
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (argc != 2 || strlen(argv[1]) >= sizeof address.sun_path) {
        fprintf(stderr, "usage: kv SOCKET (a path of at most 107 bytes)\n");
        return 64;
    }
    memcpy(address.sun_path, argv[1], strlen(argv[1]));
    (void)unlink(argv[1]);
    int server = socket(AF_UNIX, SOCK_STREAM, 0);
    (void)umask(0077);
    if (server < 0 || bind(server, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(server, 1) != 0) {
        perror(argv[1]);
        return 1;
    }
    for (;;) {
        int fd = accept(server, NULL, NULL);
        if (fd < 0) continue;
        serve(fd);
        (void)close(fd);
    }
}
