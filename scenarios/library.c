/* scenarios/library.c: finds scenario files. */
#include "scenarios/library.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scenarios/diagnose.h"

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static bool is_file(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

static bool ends_with_json(const char *name)
{
    size_t size = strlen(name);
    return size > 5 && strcmp(name + size - 5, ".json") == 0;
}

static void add_folder(struct nika_library *library, const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.' || !ends_with_json(entry->d_name) ||
            library->count == NIKA_LIBRARY_MAX)
            continue;
        char *path = library->paths[library->count];
        int size = snprintf(path, NIKA_LIBRARY_PATH_SIZE, "%s/%s", folder, entry->d_name);
        if (size > 0 && (size_t)size < NIKA_LIBRARY_PATH_SIZE && is_file(path)) library->count++;
    }
    if (dir != NULL) closedir(dir);
}

/* Of an installed program: bin/nika finds share/nika/scenarios beside it, wherever both were moved. */
static bool installed_folder(char *out, size_t size)
{
    char program[NIKA_LIBRARY_PATH_SIZE];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0) return false;
    program[length] = '\0';
    char *slash = strrchr(program, '/');
    if (slash == NULL) return false;
    *slash = '\0';
    int used = snprintf(out, size, "%s/../share/nika/scenarios", program);
    return used > 0 && (size_t)used < size && is_folder(out);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(a, b);
}

struct nika_library *nika_library_list(void)
{
    struct nika_library *library = calloc(1, sizeof *library);
    if (library == NULL) return NULL;
    char installed[NIKA_LIBRARY_PATH_SIZE + 32];
    const char *root = "scenarios";
    if (!is_folder("scenarios/pbft"))
        root = installed_folder(installed, sizeof installed) ? installed : NIKA_SCENARIO_FOLDER;
    DIR *dir = opendir(root);
    const struct dirent *entry;
    char folder[NIKA_LIBRARY_PATH_SIZE];
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.') continue;
        int size = snprintf(folder, sizeof folder, "%s/%s", root, entry->d_name);
        if (size > 0 && (size_t)size < sizeof folder && is_folder(folder))
            add_folder(library, folder);
    }
    if (dir != NULL) closedir(dir);
    qsort(library->paths, library->count, sizeof library->paths[0], by_path);
    return library;
}

void nika_library_name(const char *path, char *out, size_t size)
{
    const char *slash = strrchr(path, '/');
    snprintf(out, size, "%s", slash != NULL ? slash + 1 : path);
    size_t length = strlen(out);
    if (ends_with_json(out)) out[length - 5] = '\0';
}

struct name_list {
    const struct nika_library *library;
    char (*names)[128];
};

static const char *name_at(const void *context, uint32_t index)
{
    const struct name_list *list = context;
    return index < list->library->count ? list->names[index] : NULL;
}

bool nika_library_find(const char *scenario, char path[NIKA_LIBRARY_PATH_SIZE],
                       char near[NIKA_LIBRARY_PATH_SIZE])
{
    near[0] = '\0';
    snprintf(path, NIKA_LIBRARY_PATH_SIZE, "%s", scenario);
    if (is_file(scenario)) return true;
    struct nika_library *library = nika_library_list();
    char(*names)[128] = library != NULL ? calloc(library->count + 1, sizeof *names) : NULL;
    bool found = false;
    for (uint32_t i = 0; names != NULL && i < library->count && !found; i++) {
        nika_library_name(library->paths[i], names[i], sizeof names[i]);
        found = strcmp(names[i], scenario) == 0;
        if (found) memcpy(path, library->paths[i], NIKA_LIBRARY_PATH_SIZE);
    }
    if (names != NULL && !found) {
        struct name_list list = {library, names};
        const char *nearest = nika_did_you_mean(scenario, name_at, &list);
        if (nearest != NULL) snprintf(near, NIKA_LIBRARY_PATH_SIZE, "%s", nearest);
    }
    free(names);
    free(library);
    return found;
}
