/* cli/campaign_folder.h: the folder of a campaign's results. */
#ifndef CLI_CAMPAIGN_FOLDER_H
#define CLI_CAMPAIGN_FOLDER_H

#include "fuzz/campaign/campaign.h"

#define CLI_RESULTS "results.jsonl"

/* Make a folder and those above it. False with errno. */
bool cli_make_folder(const char *path);
/* Write all records, sorted, and their summary to the folder, and show the summary. The exit code. */
int cli_campaign_conclude(struct nika_results *results, const char *folder, bool complete,
                          bool json);

#endif
