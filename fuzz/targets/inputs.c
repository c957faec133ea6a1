/* fuzz/targets/inputs.c: reading inputs (inputs.h). */
#include "fuzz/targets/inputs.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static bool add_file(struct nika_inputs *inputs, const char *path, uint64_t size)
{
    if (inputs->count == NIKA_INPUTS_MAX) {
        errno = EFBIG;
        return false;
    }
    if (inputs->count == inputs->capacity) {
        uint32_t capacity = inputs->capacity == 0 ? 64 : inputs->capacity * 2;
        struct nika_input *list = realloc(inputs->list, capacity * sizeof *list);
        if (list == NULL) return false;
        inputs->list = list;
        inputs->capacity = capacity;
    }
    struct nika_input input = {.size = (uint32_t)size};
    FILE *file = fopen(path, "rb");
    if (file == NULL) return false;
    input.path = strdup(path);
    input.data = malloc(size == 0 ? 1 : size);
    bool good =
        input.path != NULL && input.data != NULL && fread(input.data, 1, size, file) == size;
    fclose(file);
    if (!good) {
        free(input.path);
        free(input.data);
        return false;
    }
    inputs->list[inputs->count++] = input;
    return true;
}

bool nika_inputs_add(struct nika_inputs *inputs, const char *path, uint32_t size_max)
{
    struct stat info;
    struct dirent **names;
    if (stat(path, &info) != 0) return false;
    if (!S_ISDIR(info.st_mode)) {
        if ((uint64_t)info.st_size > size_max) return true;
        return add_file(inputs, path, (uint64_t)info.st_size);
    }
    int count = scandir(path, &names, NULL, alphasort);
    bool good = count >= 0;
    for (int i = 0; i < count; i++) {
        char below[600];
        int length = snprintf(below, sizeof below, "%s/%s", path, names[i]->d_name);
        if (good && (size_t)length < sizeof below && stat(below, &info) == 0 &&
            S_ISREG(info.st_mode))
            good = nika_inputs_add(inputs, below, size_max);
        free(names[i]);
    }
    if (count >= 0) free(names);
    return good;
}

void nika_inputs_free(struct nika_inputs *inputs)
{
    for (uint32_t i = 0; i < inputs->count; i++) {
        free(inputs->list[i].path);
        free(inputs->list[i].data);
    }
    free(inputs->list);
    *inputs = (struct nika_inputs){0};
}
