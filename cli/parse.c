/* cli/parse.c: argp and getopt, whose complaints repeat what an argument says: shown, never obeyed by a terminal. */
#include <stdlib.h>

#include "cli/cli.h"
#include "report/sheet.h"

#define COMPLAINT_SIZE                                                                             \
    65536u /* Written in one piece, so that no character is cut in two; longer ones are cut at its multiples. */

static ssize_t tame(void *terminal, const char *bytes, size_t size)
{
    char *text = strndup(bytes, size);
    if (text == NULL) return 0;
    nika_report_plain(terminal, text);
    free(text);
    return fflush(terminal) == 0 ? (ssize_t)size : 0;
}

void cli_parse(const struct argp *argp, int argc, char **argv, void *input)
{
    static char buffer[COMPLAINT_SIZE];
    FILE *terminal = stderr,
         *tamed = fopencookie(terminal, "w", (cookie_io_functions_t){.write = tame});
    if (tamed != NULL) {
        setvbuf(tamed, buffer, _IOFBF, sizeof buffer);
        stderr = tamed; /* getopt knows no other. An exit in between flushes it. */
    }
    (void)argp_parse(argp, argc, argv, 0, NULL, input);
    if (tamed != NULL) {
        stderr = terminal;
        fclose(tamed);
    }
}
