/* fuzz/targets/memory_file.c: see memory_file.h. */
#include "fuzz/targets/memory_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/targets/target.h"

int memory_file(struct nika_span bytes, char path[MEMORY_FILE_PATH])
{
    int file = memfd_create("input", 0);
    NIKA_TARGET_CHECK(file >= 0 && write(file, bytes.data, bytes.size) == (ssize_t)bytes.size,
                      "no memory file");
    snprintf(path, MEMORY_FILE_PATH, "/proc/self/fd/%d", file);
    return file;
}
