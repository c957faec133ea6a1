/* engine/shim/resident.h: what a node keeps in memory of its libraries. Starting touches far more of them than serving does (OpenSSL's tables
 * and self-tests, the TLS library that the HTTP library loads, the JSON parser), and the kernel counts those pages as resident until
 * somebody needs the room. Owns nothing; changes nothing that a program can see but its size. */
#ifndef NIKA_ENGINE_SHIM_RESIDENT_H
#define NIKA_ENGINE_SHIM_RESIDENT_H

#include "engine/core/types.h"

/* Tells the allocator of this process to keep large blocks apart and to have one arena. Call it first, before there are threads. */
void nika_resident_prepare(void);

/* Lets go of the pages of files (program and libraries) that this process never wrote to: they are unmapped from it, stay in the page cache,
 * and come back one by one when they are used. Returns the bytes of the mappings let go; 0 where the kernel does not tell enough
 * (no /proc/self/smaps). Call it once, when the start is over. */
size_t nika_resident_trim(void);

/* Lets go of what is in a whole mapping of anonymous memory that nobody needs any more: it reads as zeros, and takes no memory until it is
 * written to. For room that one large message or snapshot needed once. */
void nika_resident_drop(void *memory, size_t size);
/* The same for the whole pages behind the first `used` of `size` bytes. What lies there means nothing to a module or an application, and once held a
 * large batch or a window that was full. */
void nika_resident_drop_behind(uint8_t *memory, size_t used, size_t size);

#endif
