/* fuzz/targets/schedule_hybster.c: whole runs of four Hybster replicas, one of them Byzantine (schedule.c). */
#include "fuzz/targets/schedule.h"

/* Eight requests. The Byzantine replica is the leader of view 0, with a trusted subsystem that works; two of the others may crash at
 * each of the places where a record must be durable, and right after their counter moved, and come back from their disks. What each does, and
 * what the network does, is up to the input. */
static const char scenario_text[] =
    "{\"schema\": 1, \"name\": \"schedule\", \"why\": \"A fuzzer decides.\", \"gst_ms\": 100,"
    " \"cluster\": {\"protocol\": \"hybster\", \"n\": 4, \"f\": 1, \"clients\": 8, "
    "\"batch_count\": 3,"
    "   \"checkpoint_interval\": 2, \"window\": 8, \"pipeline\": 8, \"batch_us\": 0,"
    "   \"request_ms\": 60, \"status_ms\": 40, \"retransmit_ms\": 40, \"client_ms\": 80,"
    "   \"fetch_ms\": 40, \"lag_ms\": 80, \"backoff_max\": 3},"
    " \"workload\": {\"requests\": 1},"
    " \"network\": {\"loss_ppm\": 500000, \"duplicate_ppm\": 500000, \"reorder_ppm\": 500000},"
    " \"faults\": ["
    "  {\"name\": \"certified-lies\", \"targets\": [0], \"what\": \"any\", \"rate_ppm\": 500000, "
    "\"acts\": \"may\"},"
    "  {\"name\": \"certified-lies\", \"targets\": [0], \"what\": \"wrong-kind\", \"rate_ppm\": "
    "500000, \"acts\": \"may\"},"
    "  {\"name\": \"certified-lies\", \"targets\": [0], \"what\": \"skipped-order\", \"rate_ppm\": "
    "500000, \"acts\": \"may\"},"
    "  {\"name\": \"two-faced\", \"targets\": [0], \"kind\": \"mac\", \"acts\": \"may\"},"
    "  {\"name\": \"omit\", \"targets\": [0], \"rate_ppm\": 500000, \"acts\": \"may\"},"
    "  {\"name\": \"mutate\", \"targets\": [0], \"rate_ppm\": 500000, \"acts\": \"may\"},"
    "  {\"name\": \"replay\", \"targets\": [0], \"rate_ppm\": 500000, \"acts\": \"may\"},"
    "  {\"name\": \"corrupt-reply\", \"targets\": [0], \"rate_ppm\": 500000, \"acts\": \"may\"},"
    "  {\"name\": \"delay-own\", \"targets\": [0], \"rate_ppm\": 500000, \"acts\": "
    "\"may\"}" SCHEDULE_CRASHES ", {\"name\": \"trusted-crash\", \"targets\": [1, 2], \"down_ms\": "
    "20, \"rate_ppm\": 500000, \"acts\": \"may\"}],"
    " \"limits\": {\"events\": 200000, \"time_ms\": 20000},"
    " \"expect\": {\"safety\": \"held\", \"liveness\": \"held\"}}";

static struct schedule_target target = {.scenario_text = scenario_text};
SCHEDULE_TARGET_FUNCTIONS

const struct nika_target nika_target_schedule_hybster = {
    .name = "schedule-hybster",
    .doc =
        "Decision logs of whole runs: four Hybster replicas, one Byzantine with a working trusted "
        "subsystem, all oracles.",
    .size_max = SCHEDULE_SIZE_MAX,
    .run = run,
    .mutate = mutate,
    .list = &schedule_list,
    .seeds = seeds,
    .show = show,
    .digest = digest,
};
