/* cli/campaign_folder.h: the folder of a campaign's results. */
#ifndef CLI_CAMPAIGN_FOLDER_H
#define CLI_CAMPAIGN_FOLDER_H

#include <argp.h>

#include "fuzz/campaign/campaign.h"

#define CLI_RESULTS "results.jsonl"
#define CLI_PLAN "plan.json"

/* Make a folder and those above it. False with errno. */
bool cli_make_folder(const char *path);
/* Write the plan beside the results, whole or not at all. False with a message. */
bool cli_plan_write(const struct nika_plan *plan, bool open_end, const char *folder);
bool cli_plan_write_document(const json_t *document, const char *folder);
/* The plan of a folder. NULL without a message when there is none; NULL with one in `d` when it cannot be used. */
json_t *cli_plan_read(const char *folder, struct nika_diagnoses *d);
/* --shard I/N or auto. Ends with a usage error when it is neither. */
void cli_parse_shard(const char *text, uint32_t *shard, uint32_t *shards, struct argp_state *state);
/* Write all records, sorted, and their summary to the folder, and show the summary. The exit code. */
int cli_campaign_conclude(struct nika_results *results, const char *folder, bool complete,
                          bool json, bool annotations);

#endif
