/* engine/shim/tss_key.c: see tss_key.h. */
#include "engine/shim/tss_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/shim/cluster.h"

#define KEY_FILE_MAX 4096u

static const char *const keys[] = {"schema", "role", "secret", NULL};

static bool is_private(const char *path, struct nika_problems *p)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        nika_problem(p, path, "", "cannot be read: %s", strerror(errno));
        return false;
    }
    if (S_ISREG(info.st_mode) && (info.st_mode & 077) == 0) return true;
    nika_problem(p, path, "", "expected a regular file of mode 0600 (chmod 600 %s), mode is %04o",
                 path, (unsigned)info.st_mode & 07777u);
    return false;
}

bool nika_tss_key_load(const char *path, uint8_t secret[NIKA_TRUSTED_SECRET_SIZE],
                       struct nika_problems *problems)
{
    char role[NIKA_CLUSTER_NAME_SIZE];
    uint32_t before = problems->count;
    if (!is_private(path, problems)) return false;
    json_t *root = nika_json_load(problems, path, KEY_FILE_MAX);
    if (root != NULL) {
        struct nika_json j = {problems, path, "", root};
        nika_json_only(&j, keys);
        nika_json_number(&j, "schema", 1, 1, -1);
        nika_json_text(&j, "role", NULL, role, sizeof role);
        if (role[0] != '\0' && strcmp(role, "trusted") != 0)
            nika_problem(problems, path, "role", "expected trusted, got \"%s\"", role);
        nika_json_hex(&j, "secret", NIKA_TRUSTED_SECRET_SIZE, secret, NIKA_TRUSTED_SECRET_SIZE);
    }
    json_decref(root);
    return problems->count == before;
}

bool nika_tss_key_make(const char *path, struct nika_problems *problems)
{
    uint8_t secret[NIKA_TRUSTED_SECRET_SIZE];
    char hex[2 * sizeof secret + 1], text[sizeof hex + 64];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        nika_problem(problems, path, "", "cannot be made: %s", strerror(errno));
        return false;
    }
    nika_random_bytes(secret, sizeof secret);
    for (uint32_t i = 0; i < sizeof secret; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", (unsigned)secret[i]);
    int size = snprintf(text, sizeof text,
                        "{\"schema\": 1, \"role\": \"trusted\", \"secret\": \"%s\"}\n", hex);
    bool good = write(fd, text, (size_t)size) == size && fsync(fd) == 0;
    int err = errno;
    good = close(fd) == 0 && good;
    nika_key_erase(secret, sizeof secret);
    nika_key_erase(hex, sizeof hex);
    nika_key_erase(text, sizeof text);
    if (good) return true;
    nika_problem(problems, path, "", "cannot be written: %s", strerror(err));
    (void)unlink(path);
    return false;
}
