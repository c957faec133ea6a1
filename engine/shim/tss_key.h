/* engine/shim/tss_key.h: the key file of a group of trusted instances: the one secret that all of them share, and no replica has. */
#ifndef ENGINE_SHIM_TSS_KEY_H
#define ENGINE_SHIM_TSS_KEY_H

#include "engine/core/trusted_instance.h"
#include "engine/shim/problems.h"

/* Read it; its mode must be 0600. False with problems. The caller wipes `secret` with nika_key_erase(). */
bool nika_tss_key_load(const char *path, uint8_t secret[NIKA_TRUSTED_SECRET_SIZE],
                       struct nika_problems *problems);
/* Make a new one, mode 0600, with a random secret; never over an existing file. False with problems. */
bool nika_tss_key_make(const char *path, struct nika_problems *problems);

#endif
