/* fuzz/targets/files.c: what people and disks hand us: scenario files, decision logs, write-ahead logs. */
#include <stdlib.h>
#include <unistd.h>

#include "engine/core/wal.h"
#include "fuzz/log/log.h"
#include "fuzz/targets/harvest.h"
#include "fuzz/targets/memory_file.h"
#include "fuzz/targets/target.h"
#include "scenarios/library.h"

#define TEXT_MAX (64u * 1024u)
#define SEED_FILES 24u

/* ---- Scenario files ---- */
/* What was refused says why; what loads can be written down for a seed and loads again. */
static void check_diagnoses(const struct nika_diagnoses *d)
{
    NIKA_TARGET_CHECK(d->count > 0, "refused without a diagnosis");
    for (uint32_t i = 0; i < d->count; i++)
        NIKA_TARGET_CHECK(d->lines[i][0] != '\0', "an empty diagnosis");
}

static void run_scenario(struct nika_span input)
{
    struct nika_diagnoses *d = calloc(1, sizeof *d);
    NIKA_TARGET_CHECK(d != NULL, "out of memory");
    d->file = "input.json";
    struct nika_scenario *s =
        nika_scenario_parse("input.json", (const char *)input.data, input.size, NULL, 0, d);
    if (s == NULL) {
        check_diagnoses(d);
    } else {
        json_t *concrete = nika_scenario_concrete(s, 7);
        char *text = json_dumps(concrete, JSON_COMPACT);
        NIKA_TARGET_CHECK(text != NULL, "a loaded scenario cannot be written");
        memset(d, 0, sizeof *d);
        struct nika_scenario *again =
            nika_scenario_parse("drawn.json", text, strlen(text), NULL, 0, d);
        NIKA_TARGET_CHECK(again != NULL, "drawn by seed 7 it does not load: %s",
                          d->count > 0 ? d->lines[0] : "no reason given");
        nika_scenario_free(again);
        free(text);
        json_decref(concrete);
        nika_scenario_free(s);
    }
    free(d);
}

static void seed_file(const char *path, nika_target_seed *seed, void *context)
{
    char name[64];
    static uint8_t bytes[TEXT_MAX];
    FILE *file = fopen(path, "rb");
    NIKA_TARGET_CHECK(file != NULL, "cannot read %s", path);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    nika_library_name(path, name, sizeof name);
    if (size < sizeof bytes) seed(context, name, (struct nika_span){bytes, (uint32_t)size});
}

static void seeds_scenario(nika_target_seed *seed, void *context)
{
    struct nika_library *library = nika_library_list();
    NIKA_TARGET_CHECK(library != NULL && library->count > 0, "no scenario library");
    uint32_t stride = library->count / SEED_FILES + 1;
    for (uint32_t i = 0; i < library->count; i += stride)
        seed_file(library->paths[i], seed, context);
    free(library);
}

static void words_of_schema(FILE *out)
{
    for (uint32_t i = 0; i < NIKA_KEY_COUNT; i++) {
        const struct nika_schema_key *key = &nika_schema[i];
        fprintf(out, "\"\\\"%s\\\":\"\n", key->key);
        for (uint32_t k = 0; key->names != NULL && key->names(k) != NULL; k++)
            fprintf(out, "\"\\\"%s\\\"\"\n", key->names(k));
    }
}

const struct nika_target nika_target_scenario = {
    .name = "scenario",
    .doc = "The scenario loader: a diagnosis for whatever does not load, and what loads can be "
           "drawn and loaded again.",
    .size_max = TEXT_MAX,
    .run = run_scenario,
    .seeds = seeds_scenario,
    .dictionary = words_of_schema,
};

/* ---- Decision logs ---- */
static void run_decision_log(struct nika_span input)
{
    char path[MEMORY_FILE_PATH];
    struct nika_diagnoses *d = calloc(1, sizeof *d);
    int file = memory_file(input, path);
    NIKA_TARGET_CHECK(d != NULL, "out of memory");
    d->file = path;
    struct nika_log *log = nika_log_read(path, d);
    if (log == NULL) {
        check_diagnoses(d);
    } else {
        memset(d, 0, sizeof *d);
        struct nika_scenario *s = nika_log_scenario(log, path, d);
        if (s == NULL) check_diagnoses(d);
        nika_scenario_free(s);
        for (uint32_t i = 0; i < log->decisions.count; i++) {
            char text[NIKA_DECISION_TEXT_SIZE];
            struct nika_choice_name name;
            nika_choice_name_text(&log->decisions.list[i].name, text, sizeof text);
            NIKA_TARGET_CHECK(nika_choice_name_parse(text, &name) == NIKA_OK &&
                                  nika_decisions_compare(&name, &log->decisions.list[i].name) == 0,
                              "the name \"%s\" reads as another", text);
        }
        nika_log_free(log);
    }
    close(file);
    free(d);
}

/* The log of a short run with decisions in it. */
static void seeds_decision_log(nika_target_seed *seed, void *context)
{
    static const char *const overrides[] = {"workload.requests=2"};
    static const char *const names[] = {"lossy", "equivocating-primary", "primary-crash"};
    for (uint32_t i = 0; i < ARRAY_COUNT(names); i++) {
        const char *reason = NULL;
        char *text = NULL;
        size_t size = 0;
        struct nika_run_result result;
        struct nika_recorder recorder = {0};
        struct nika_scenario *s = nika_harvest_scenario(names[i], overrides, 1);
        struct nika_runner *runner = nika_runner_new(s, &reason);
        NIKA_TARGET_CHECK(runner != NULL && nika_runner_begin(runner, 1, &reason), "%s", reason);
        nika_recorder_attach(&recorder, nika_runner_world(runner));
        nika_runner_finish(runner, &result);
        struct nika_log *log = nika_log_new(s, "0", &recorder, &result);
        FILE *file = open_memstream(&text, &size);
        NIKA_TARGET_CHECK(log != NULL && file != NULL && nika_log_write(log, file) == NIKA_OK,
                          "cannot write a log");
        fclose(file);
        if (size <= TEXT_MAX)
            seed(context, names[i], (struct nika_span){(uint8_t *)text, (uint32_t)size});
        free(text);
        nika_log_free(log);
        nika_runner_free(runner);
        nika_scenario_free(s);
    }
}

const struct nika_target nika_target_decision_log = {
    .name = "decision-log",
    .doc = "The reader of decision logs: a diagnosis or a log whose names read back.",
    .size_max = TEXT_MAX,
    .run = run_decision_log,
    .seeds = seeds_decision_log,
};

/* ---- Records of a write-ahead log ---- */
static void run_log_records(struct nika_span input)
{
    struct nika_wal_record record;
    uint32_t good = 0, at = 0;
    enum nika_wal_end end = nika_wal_scan(input, &good);
    enum nika_err err;
    NIKA_TARGET_CHECK(good <= input.size, "a good prefix of %u in %u bytes", good, input.size);
    NIKA_TARGET_CHECK((end == NIKA_WAL_CLEAN) == (good == input.size),
                      "clean and not whole, or the reverse");
    while ((err = nika_wal_next(input, &at, &record)) == NIKA_OK) {
        static uint8_t copy[TEXT_MAX + NIKA_WAL_OVERHEAD];
        uint32_t size = record.payload.size + NIKA_WAL_OVERHEAD;
        NIKA_TARGET_CHECK(size <= input.size, "a record of %u bytes in %u", size, input.size);
        struct nika_writer w = nika_writer_of(copy, sizeof copy);
        nika_wal_write(&w, record.kind, record.seq, record.payload);
        NIKA_TARGET_CHECK(w.at == size && memcmp(copy, input.data + at - size, size) == 0,
                          "a record does not encode to the bytes that it was read from");
    }
    NIKA_TARGET_CHECK(at == good, "scanning ends at %u, walking at %u", good, at);
    NIKA_TARGET_CHECK((err == NIKA_ERR_NOT_FOUND) == (end == NIKA_WAL_CLEAN),
                      "the end is told in two ways");
}

static void seeds_log_records(nika_target_seed *seed, void *context)
{
    uint8_t bytes[512];
    struct nika_writer w = nika_writer_of(bytes, sizeof bytes);
    for (uint32_t i = 0; i < 4; i++)
        nika_wal_write(&w, (uint8_t)i, i, (struct nika_span){(const uint8_t *)"record", i * 2});
    seed(context, "clean", (struct nika_span){bytes, w.at});
    seed(context, "torn", (struct nika_span){bytes, w.at - 3});
    bytes[8] ^= 1;
    seed(context, "corrupt", (struct nika_span){bytes, w.at});
}

const struct nika_target nika_target_log_records = {
    .name = "log-records",
    .doc = "The records of a write-ahead log: bounds, checksums, the torn tail.",
    .size_max = TEXT_MAX,
    .run = run_log_records,
    .seeds = seeds_log_records,
};
