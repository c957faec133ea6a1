/* cli/behaviour.h: Byzantine behaviours of live replicas, by the names that scenarios have for them. */
#ifndef CLI_BEHAVIOUR_H
#define CLI_BEHAVIOUR_H

#include "cli/cli.h"
#include "engine/shim/behaviour.h"

/* Was this program built with NIKA_BEHAVIOURS? */
bool cli_has_behaviours(void);
/* NAME[,PARAMETER=VALUE...], or argp_error. */
void cli_behaviour_parse(const char *given, enum nika_fault_class fault_class,
                         struct nika_behaviour_options *out, struct argp_state *state);

#endif
