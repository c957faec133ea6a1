/* cli/campaign_shrink.h: a campaign makes each kind of its failures small by itself. */
#ifndef CLI_CAMPAIGN_SHRINK_H
#define CLI_CAMPAIGN_SHRINK_H

#include "fuzz/campaign/campaign.h"

/* For one kind of failures; both 0 = do not shrink. */
struct cli_shrink_budget {
    uint64_t seconds, runs;
};
/* For each kind of failures in `results` that is not there yet: FOLDER/shrunk/SIGNATURE.json, the small scenario, .html, its page,
 * .log, the run as it was found, and .txt, what `nika shrink` says. Each in a process of its own, which may crash as the run did.
 * `stop` ends it. Shows how far it is unless `quiet`. */
void cli_campaign_shrink(const struct nika_results *results, const char *folder,
                         const struct cli_shrink_budget *budget, bool quiet, volatile int *stop);
/* Lines for people: which small scenarios there are. */
void cli_campaign_shrunk_text(const json_t *summary, const char *folder, FILE *file);

#endif
