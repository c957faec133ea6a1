/* tests/engine/shim/test_resident.c tests engine/shim/resident.c: pages of files that nobody wrote to go, pages with something of our own stay. */
#include "engine/shim/resident.h"
#include "tests/support/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES 64u

struct fixture {
    size_t page, size;
    int file;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char name[] = "/tmp/nika-resident-XXXXXX";
    f->page = (size_t)sysconf(_SC_PAGESIZE);
    f->size = PAGES * f->page;
    f->file = mkstemp(name);
    assert_true(f->file >= 0);
    assert_int_equal(unlink(name), 0);
    uint8_t *bytes = malloc(f->size);
    memset(bytes, 7, f->size);
    assert_int_equal(write(f->file, bytes, f->size), (ssize_t)f->size);
    free(bytes);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    close(f->file);
    free(f);
    return 0;
}

static uint8_t *map(const struct fixture *f)
{
    uint8_t *bytes = mmap(NULL, f->size, PROT_READ | PROT_WRITE, MAP_PRIVATE, f->file, 0);
    assert_true(bytes != MAP_FAILED);
    return bytes;
}

static uint32_t touch(const struct fixture *f, const uint8_t *bytes)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < PAGES; i++) sum += bytes[i * f->page];
    return sum;
}

/* Resident KiB of the mapping at `bytes`. */
static uint64_t resident_kib(const uint8_t *bytes)
{
    char line[512];
    uint64_t kib = UINT64_MAX, value;
    uintptr_t from, to;
    bool inside = false;
    FILE *file = fopen("/proc/self/smaps", "re");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2)
            inside = from <= (uintptr_t)bytes && (uintptr_t)bytes < to;
        else if (inside && sscanf(line, "Rss: %" SCNu64 " kB", &value) == 1)
            kib = value;
    }
    fclose(file);
    return kib;
}

static void test_clean_pages_of_a_file_go_and_come_back(void **state)
{
    struct fixture *f = *state;
    uint8_t *bytes = map(f);
    assert_int_equal(mprotect(bytes, f->size, PROT_READ), 0);
    assert_int_equal(touch(f, bytes), 7 * PAGES);
    assert_int_equal(resident_kib(bytes), f->size / 1024); /* Else the next line proves nothing. */
    assert_true(nika_resident_trim() >= f->size);
    assert_int_equal(resident_kib(bytes), 0);
    assert_int_equal(touch(f, bytes), 7 * PAGES);
    munmap(bytes, f->size);
}

/* What the dynamic linker does: writes its relocations, then makes the pages read-only. The file does not hold them. */
static void test_pages_that_were_written_once_stay(void **state)
{
    struct fixture *f = *state;
    uint8_t *bytes = map(f);
    bytes[3 * f->page] = 99;
    assert_int_equal(mprotect(bytes, f->size, PROT_READ), 0);
    assert_int_equal(touch(f, bytes), 7 * PAGES + 92);
    (void)nika_resident_trim();
    assert_int_equal(bytes[3 * f->page], 99);
    assert_int_equal(resident_kib(bytes), f->size / 1024);
    munmap(bytes, f->size);
}

/* Anonymous memory full of fives, between two pages that keep its mapping apart. */
static uint8_t *fives(const struct fixture *f)
{
    uint8_t *whole =
        mmap(NULL, f->size + 2 * f->page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(whole != MAP_FAILED);
    uint8_t *bytes = whole + f->page;
    assert_int_equal(mprotect(bytes, f->size, PROT_READ | PROT_WRITE), 0);
    memset(bytes, 5, f->size);
    assert_int_equal(resident_kib(bytes), f->size / 1024);
    return bytes;
}

static void unmap_fives(const struct fixture *f, uint8_t *bytes)
{
    munmap(bytes - f->page, f->size + 2 * f->page);
}

static void test_room_that_is_needed_no_more_takes_none(void **state)
{
    const struct fixture *f = *state;
    uint8_t *bytes = fives(f);
    nika_resident_drop(bytes, f->size);
    assert_int_equal(resident_kib(bytes), 0);
    assert_int_equal(touch(f, bytes), 0);
    unmap_fives(f, bytes);
}

static void test_what_is_used_stays_and_the_pages_behind_it_go(void **state)
{
    const struct fixture *f = *state;
    uint8_t *bytes = fives(f);
    size_t used = 9 * f->page + 1;
    nika_resident_drop_behind(bytes, used, f->size);
    assert_int_equal(resident_kib(bytes), 10 * f->page / 1024);
    for (size_t i = 0; i < used; i++) assert_int_equal(bytes[i], 5);
    nika_resident_drop_behind(bytes, f->size, f->size); /* Nothing is behind it. */
    assert_int_equal(bytes[0], 5);
    unmap_fives(f, bytes);
}

static void test_a_large_block_goes_back_when_it_is_freed(void **state)
{
    (void)state;
    nika_resident_prepare();
    /* The library's own rule would keep blocks as large as this one in the heap once it was freed. */
    for (int i = 0; i < 2; i++) {
        uint8_t *block = malloc(1024 * 1024);
        assert_non_null(block);
        assert_true(resident_kib(block) < 64); /* A mapping of its own, not touched. */
        free(block);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_clean_pages_of_a_file_go_and_come_back, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_pages_that_were_written_once_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(test_room_that_is_needed_no_more_takes_none, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_what_is_used_stays_and_the_pages_behind_it_go, setup,
                                        teardown),
        cmocka_unit_test(test_a_large_block_goes_back_when_it_is_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
