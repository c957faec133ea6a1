/* scenarios/library.h: where scenario files are: the folder `scenarios` of the working directory, else that installed beside the
 * program (../share/nika/scenarios), else that of the source tree. */
#ifndef SCENARIOS_LIBRARY_H
#define SCENARIOS_LIBRARY_H

#include "engine/core/types.h"

#define NIKA_LIBRARY_MAX 512u
#define NIKA_LIBRARY_PATH_SIZE 512u

struct nika_library {
    uint32_t count;
    char paths
        [NIKA_LIBRARY_MAX]
        [NIKA_LIBRARY_PATH_SIZE]; /* Sorted; relative to the working directory when below it. */
};
/* All scenarios of the library: scenarios/<suite>/<name>.json. Caller frees with free(). NULL when out of memory. */
struct nika_library *nika_library_list(void);
/* The path of a scenario given as a path or as a bare name. False when there is none; *near is then the nearest name or empty. */
bool nika_library_find(const char *scenario, char path[NIKA_LIBRARY_PATH_SIZE],
                       char near[NIKA_LIBRARY_PATH_SIZE]);
/* "equivocating-primary" of "scenarios/pbft/equivocating-primary.json". */
void nika_library_name(const char *path, char *out, size_t size);

#endif
