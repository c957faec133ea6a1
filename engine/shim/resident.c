/* engine/shim/resident.c: see resident.h. */
#include "engine/shim/resident.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What is larger lies in a mapping of its own: pages of it that nobody touches are not there, and it goes back when it is freed. The library's
 * own threshold moves up with every large block that is freed, and one configuration file read is enough. */
#define OWN_MAPPING_BYTES (32 * 1024)
#define MAPPINGS_MAX 4096u /* A process of this kind has about a hundred. */

struct mapping {
    uintptr_t from, to;
    bool candidate; /* Private, of a file, not writable. */
};

static bool read_head(const char *line, struct mapping *out)
{
    char rights[5];
    uintptr_t from, to; /* Other lines may match a little, too: "Anonymous" begins with a digit. */
    uint64_t offset, inode;
    unsigned major, minor;
    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %" SCNx64 " %x:%x %" SCNu64, &from, &to, rights,
               &offset, &major, &minor, &inode) != 7)
        return false;
    out->from = from;
    out->to = to;
    out->candidate = inode != 0 && rights[0] == 'r' && rights[1] == '-' && rights[3] == 'p';
    return true;
}

void nika_resident_prepare(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, OWN_MAPPING_BYTES);
    (void)mallopt(M_ARENA_MAX, 1); /* The threads of a node allocate next to nothing. */
}

size_t nika_resident_trim(void)
{
    char line[512];
    struct mapping at = {0};
    uint64_t kib;
    size_t sum = 0;
    uint32_t count = 0;
    FILE *file = fopen("/proc/self/smaps", "re");
    (void)malloc_trim(0);
    if (file == NULL) return 0;
    while (count < MAPPINGS_MAX && fgets(line, sizeof line, file) != NULL) {
        if (read_head(line, &at)) {
            count++;
            continue;
        }
        /* The last figure that matters of a mapping. Pages of its own mean that somebody wrote there once (relocations that are read-only
         * since): the file does not hold what they hold. */
        if (sscanf(line, "Anonymous: %" SCNu64 " kB", &kib) != 1) continue;
        if (!at.candidate || kib != 0) continue;
        at.candidate = false;
        void *start = (void *)at.from; /* The kernel's own words, parsed above. */
        if (madvise(start, at.to - at.from, MADV_DONTNEED) == 0) sum += at.to - at.from;
    }
    (void)fclose(file);
    return sum;
}

void nika_resident_drop(void *memory, size_t size)
{
    (void)madvise(memory, size, MADV_DONTNEED);
}

void nika_resident_drop_behind(uint8_t *memory, size_t used, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t from = (used + page - 1) / page * page;
    if (from < size) nika_resident_drop(memory + from, size - from);
}
