/* cli/history.h: histories as files: one JSON object a line, as `nika client --history` appends and `nika history` judges them. */
#ifndef CLI_HISTORY_H
#define CLI_HISTORY_H

#include <stdio.h>

#include "cli/history_check.h"

/* Append one line, in one write. False with errno set, EILSEQ when key or value are no UTF-8. */
bool cli_history_append(FILE *file, const struct cli_history_op *op);
/* Opens for appending: several processes may write one file. NULL with a message on stderr. */
FILE *cli_history_open(const char *path);

#endif
