/* cli/http_get.c: asking the operator port of a replica: one GET, HTTP/1.0, whole answer; see live.h. */
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "cli/live.h"

#define ANSWER_MAX (1024u * 1024u)
#define HOST_MAX 300u

static int call(const char *host, uint16_t port)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    const struct timeval second = {.tv_sec = 1};
    struct addrinfo *found = NULL;
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(host, service, &hints, &found) != 0) return -1;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second) == 0 &&
                setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof second) == 0 &&
                connect(fd, found->ai_addr, found->ai_addrlen) == 0;
    freeaddrinfo(found);
    if (good) return fd;
    if (fd >= 0) close(fd);
    return -1;
}

static char *read_all(int fd)
{
    size_t used = 0, room = 4096;
    char *text = malloc(room);
    while (text != NULL) {
        ssize_t got = recv(fd, text + used, room - used - 1, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) break;
        used += (size_t)got;
        text[used] = '\0';
        if (got == 0) return text;
        if (used + 1 < room) continue;
        if (room >= ANSWER_MAX) break;
        room *= 2;
        char *grown = realloc(text, room);
        if (grown == NULL) break;
        text = grown;
    }
    free(text);
    return NULL;
}

char *cli_http_get(const char *host, uint16_t port, const char *path, int *code)
{
    char request[HOST_MAX + 128];
    *code = 0;
    int size = snprintf(request, sizeof request, "GET %s HTTP/1.0\r\nHost: %.*s\r\n\r\n", path,
                        (int)HOST_MAX, host);
    int fd = call(host, port);
    if (fd < 0) return NULL;
    char *answer = send(fd, request, (size_t)size, MSG_NOSIGNAL) == size ? read_all(fd) : NULL;
    close(fd);
    char *body = answer == NULL ? NULL : strstr(answer, "\r\n\r\n");
    if (body == NULL || sscanf(answer, "HTTP/1.%*d %d", code) != 1) {
        free(answer);
        *code = 0;
        return NULL;
    }
    memmove(answer, body + 4, strlen(body + 4) + 1);
    return answer;
}

json_t *cli_replica_status(const struct cli_replica *replica)
{
    int code;
    char *text =
        cli_http_get(replica->config.http_host, replica->config.http_port, "/status", &code);
    json_t *root = text == NULL || code != 200 ? NULL : json_loads(text, 0, NULL);
    free(text);
    return root;
}
