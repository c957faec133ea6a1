/* fuzz/museum/page.h: the museum as a page. */
#ifndef FUZZ_MUSEUM_PAGE_H
#define FUZZ_MUSEUM_PAGE_H

#include <jansson.h>
#include <stdio.h>

#include "engine/core/types.h"

/* Of detect.json of `nika-museum bench detect`; `records` is an array of the lines of its detect.jsonl, for the curves. False when not
 * all was written. */
NIKA_MUST_USE bool nika_museum_html(const json_t *detect, const json_t *records, FILE *file);

#endif
