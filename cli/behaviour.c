/* cli/behaviour.c: NAME[,PARAMETER=VALUE...] of --behaviour, as scenarios name Byzantine behaviours. */
#include "cli/behaviour.h"

#include <stdlib.h>

#include "faults/registry.h"

#define TEXT_MAX 256u

static bool set(struct nika_behaviour_options *out, char *text, struct argp_state *state)
{
    char *value = strchr(text, '=');
    if (value == NULL) {
        argp_error(state, "--behaviour: expected PARAMETER=VALUE, got \"%s\"", text);
        return false;
    }
    *value++ = '\0';
    for (uint32_t i = 0; i < out->ops->param_count; i++) {
        const struct nika_fault_param *p = &out->ops->params[i];
        if (strcmp(p->name, text) != 0) continue;
        for (uint32_t k = 0; p->names != NULL && p->names[k] != NULL; k++) {
            if (strcmp(p->names[k], value) != 0) continue;
            out->params[i] = k;
            return true;
        }
        out->params[i] = cli_number(value, text, p->low, p->high, state);
        return true;
    }
    return false;
}

void cli_behaviour_parse(const char *given, enum nika_fault_class fault_class,
                         struct nika_behaviour_options *out, struct argp_state *state)
{
    const char *whose =
        fault_class == NIKA_FAULT_CLIENT ? "behaviour of clients" : "Byzantine behaviour";
    char text[TEXT_MAX];
    if (!cli_has_behaviours())
        argp_error(state, "--behaviour: this build of nika has none, so that nobody runs one by "
                          "mistake; for tests: cmake -DNIKA_BEHAVIOURS=ON");
    if ((size_t)snprintf(text, sizeof text, "%s", given) >= sizeof text)
        argp_error(state, "--behaviour: longer than %u bytes", TEXT_MAX - 1);
    char *rest = strchr(text, ',');
    if (rest != NULL) *rest++ = '\0';
    *out = (struct nika_behaviour_options){.ops = nika_fault_find(text), .seed = 1};
    if (out->ops == NULL || out->ops->fault_class != fault_class)
        argp_error(state, "--behaviour: no %s \"%s\" (nika list faults)", whose, text);
    for (uint32_t i = 0; i < out->ops->param_count; i++)
        out->params[i] = out->ops->params[i].fallback;
    if (out->ops->twins)
        argp_error(state, "--behaviour: %s needs a simulated world: nika run with such a fault",
                   text);
    while (rest != NULL) {
        char *next = strchr(rest, ',');
        if (next != NULL) *next++ = '\0';
        if (!set(out, rest, state))
            argp_error(state, "--behaviour: %s has no parameter \"%s\" (nika explain %s)", text,
                       rest, text);
        rest = next;
    }
}

bool cli_has_behaviours(void)
{
#ifdef NIKA_BEHAVIOURS
    return true;
#else
    return false;
#endif
}
