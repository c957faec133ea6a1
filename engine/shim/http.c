/* engine/shim/http.c: the operator port: /status, /healthz, /metrics over libmicrohttpd, inside the loop of the node, so that what is
 * told is of one moment and no lock is needed. Reads, never changes; only GET and HEAD. */
#include "engine/shim/node_private.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#define HTTP_CONNECTIONS_MAX 32u
#define HTTP_PER_ADDRESS_MAX 16u
#define HTTP_TIMEOUT_S 10u
#define HTTP_MEMORY (16u * 1024u) /* For one connection: line and headers of a request. */
#define METRICS_MAX (64u * 1024u)
#define MS_NS UINT64_C(1000000)

/* The library initialises GnuTLS when it is loaded, for an HTTPS that a node never speaks: 100 KiB in each process. These take the place of
 * GnuTLS's own; it documents the first for this purpose, the other two are what libmicrohttpd calls. */
#define IN_PLACE_OF_THE_LIBRARYS __attribute__((visibility("default"), used))
IN_PLACE_OF_THE_LIBRARYS int _gnutls_global_init_skip(void);
IN_PLACE_OF_THE_LIBRARYS int gnutls_global_init(void);
IN_PLACE_OF_THE_LIBRARYS void gnutls_global_deinit(void);

int _gnutls_global_init_skip(void)
{
    return 1;
}

int gnutls_global_init(void)
{
    return 0;
}

void gnutls_global_deinit(void)
{
}

struct nika_http {
    struct MHD_Daemon *daemon;
    struct nika_source source;
    uint64_t deadline_ns; /* At which a connection times out, or has more to do at once. */
};

/* Takes `text`, which came from malloc. */
static enum MHD_Result answer(struct MHD_Connection *connection, unsigned int code,
                              const char *type, char *text, size_t size)
{
    struct MHD_Response *response =
        text == NULL ? NULL : MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(text);
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    enum MHD_Result result = MHD_queue_response(connection, code, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_line(struct MHD_Connection *connection, unsigned int code,
                                   const char *line)
{
    char *text = NULL;
    int size = asprintf(&text, "%s\n", line);
    return size < 0 ? MHD_NO : answer(connection, code, "text/plain", text, (size_t)size);
}

static enum MHD_Result answer_status(struct nika_node *node, struct MHD_Connection *connection)
{
    json_t *root = nika_node_status(node);
    char *text = root == NULL ? NULL : json_dumps(root, JSON_SORT_KEYS | JSON_INDENT(2));
    json_decref(root);
    return answer(connection, MHD_HTTP_OK, "application/json", text,
                  text == NULL ? 0 : strlen(text));
}

static enum MHD_Result answer_metrics(struct nika_node *node, struct MHD_Connection *connection)
{
    char *text = malloc(METRICS_MAX);
    if (text == NULL) return MHD_NO;
    size_t size = nika_node_metrics(node, text, METRICS_MAX);
    if (size >= METRICS_MAX) {
        free(text);
        return answer_line(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "too many metrics");
    }
    return answer(connection, MHD_HTTP_OK,
                  "application/openmetrics-text; version=1.0.0; charset=utf-8", text, size);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **state)
{
    struct nika_node *node = context;
    (void)version;
    (void)upload;
    (void)state;
    if (*upload_size > 0) return MHD_NO;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return answer_line(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET and HEAD only");
    if (strcmp(url, "/status") == 0) return answer_status(node, connection);
    if (strcmp(url, "/metrics") == 0) return answer_metrics(node, connection);
    if (strcmp(url, "/healthz") == 0) {
        const char *reason = nika_node_unhealthy(node);
        return answer_line(connection, reason == NULL ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
                           reason == NULL ? "ok" : reason);
    }
    return answer_line(connection, MHD_HTTP_NOT_FOUND, "/status, /healthz or /metrics");
}

static void serve(struct nika_http *http)
{
    MHD_UNSIGNED_LONG_LONG ms;
    (void)MHD_run(http->daemon);
    http->deadline_ns = NIKA_LOOP_NEVER;
    if (MHD_get_timeout(http->daemon, &ms) == MHD_YES)
        http->deadline_ns = nika_clock_monotonic() + ms * MS_NS;
}

static void on_ready(struct nika_source *source, bool readable, bool writable)
{
    (void)readable;
    (void)writable;
    serve((struct nika_http *)(void *)((uint8_t *)source - offsetof(struct nika_http, source)));
}

static void serve_waiting(void *context)
{
    serve(context);
}

static struct MHD_Daemon *start(struct nika_node *node, const struct sockaddr *address)
{
    /* One epoll descriptor of the library's own, which our loop watches: no thread. */
    unsigned int flags = MHD_USE_EPOLL | MHD_USE_ERROR_LOG;
    if (address->sa_family == AF_INET6) flags |= MHD_USE_IPv6;
    return MHD_start_daemon(flags, node->options.config->http_port, NULL, NULL, on_request, node,
                            MHD_OPTION_SOCK_ADDR, address, MHD_OPTION_CONNECTION_LIMIT,
                            HTTP_CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
                            HTTP_PER_ADDRESS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, HTTP_TIMEOUT_S,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_MEMORY,
                            MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);
}

bool node_http_open(struct nika_node *node, struct nika_problems *problems)
{
    const struct nika_node_config *c = node->options.config;
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char service[8];
    if (c->http_port == 0) return true;
    snprintf(service, sizeof service, "%u", c->http_port);
    int error = getaddrinfo(c->http_host, service, &hints, &found);
    if (error != 0) {
        nika_problem(problems, node->options.file, "http.host", "%s: %s", c->http_host,
                     gai_strerror(error));
        return false;
    }
    struct nika_http *http = calloc(1, sizeof *http);
    errno = ENOMEM;
    if (http != NULL) http->daemon = start(node, found->ai_addr);
    freeaddrinfo(found);
    if (http == NULL || http->daemon == NULL) {
        nika_problem(problems, node->options.file, "http", "%s:%u: %s", c->http_host, c->http_port,
                     strerror(errno));
        free(http);
        return false;
    }
    node->http = http;
    http->deadline_ns = NIKA_LOOP_NEVER;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    http->source = (struct nika_source){.fd = info->epoll_fd, .on_ready = on_ready};
    if (node->trust != NULL) nika_trust_serve(node->trust, http->source.fd, serve_waiting, http);
    if (nika_loop_add(node->loop, &http->source, false) == NIKA_OK) return true;
    nika_problem(problems, node->options.file, "http", "%s", strerror(errno));
    return false;
}

void node_http_close(struct nika_node *node)
{
    if (node->http == NULL) return;
    if (node->trust != NULL) nika_trust_serve(node->trust, -1, NULL, NULL);
    MHD_stop_daemon(node->http->daemon);
    free(node->http);
    node->http = NULL;
}

void node_http_run(struct nika_node *node, uint64_t now_ns)
{
    if (node->http != NULL && node->http->deadline_ns <= now_ns) serve(node->http);
}

uint64_t node_http_deadline(const struct nika_node *node)
{
    return node->http == NULL ? NIKA_LOOP_NEVER : node->http->deadline_ns;
}
