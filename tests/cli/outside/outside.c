/* tests/cli/outside/outside.c: a program of somebody else: puts a key twice over libnika, then gets it, as application kv encodes that.
 * Usage: outside CLUSTER-FILE KEY-FILE VALUE. Prints the value. */
#include <nika/client.h>
#include <stdio.h>
#include <string.h>

#define TIMEOUT_MS 20000u

/* A name of the library's inside: it must not clash with ours. */
int nika_links_flush(void);
int nika_links_flush(void)
{
    return 7;
}

static void done(void *context, enum nika_client_result result, const void *bytes, size_t size)
{
    if (result == NIKA_CLIENT_RESULT_OK && size == 1 && *(const unsigned char *)bytes == 0)
        ++*(int *)context;
}

static size_t text(unsigned char *out, const char *words)
{
    size_t size = strlen(words);
    for (int i = 0; i < 4; i++) out[i] = (unsigned char)(size >> (8 * i));
    memcpy(out + 4, words, size);
    return size + 4;
}

int main(int argc, char **argv)
{
    char error[1024];
    unsigned char put[256] = {1}, get[16] = {2}, reply[256];
    int answered = 0;
    if (argc != 4 || strlen(argv[3]) > 200 || nika_links_flush() != 7) return 64;
    struct nika_client *client = nika_client_open(argv[1], argv[2], error, sizeof error);
    if (client == NULL) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    size_t put_size = 1 + text(put + 1, "key"), size = 0;
    put_size += text(put + put_size, argv[3]);
    size_t get_size = 1 + text(get + 1, "key");
    if (!nika_client_connect(client, TIMEOUT_MS)) return 2;
    for (int i = 0; i < 2; i++) {
        if (nika_client_submit(client, put, put_size, false, TIMEOUT_MS, done, &answered) !=
            NIKA_CLIENT_RESULT_OK)
            return 3;
    }
    while (nika_client_pending(client) > 0) (void)nika_client_poll(client, 100);
    if (answered != 2) return 4;
    enum nika_client_result result =
        nika_client_call(client, get, get_size, true, TIMEOUT_MS, reply, sizeof reply, &size);
    if (result != NIKA_CLIENT_RESULT_OK || size < 5 || reply[0] != 0) {
        fprintf(stderr, "%s\n", nika_client_result_text(result));
        return 5;
    }
    printf("%.*s\n", (int)(size - 5), (const char *)reply + 5);
    nika_client_close(client);
    return 0;
}
