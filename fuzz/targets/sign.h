/* fuzz/targets/sign.h: signatures and trusted certificates inside a message made right, from the innermost outwards, whoever they are of. So an
 * input holds what is said and by whom, and never a signature. */
#ifndef FUZZ_TARGETS_SIGN_H
#define FUZZ_TARGETS_SIGN_H

#include "fuzz/targets/desk.h"

/* A frame of `sender` with this body, everything in it signed anew; its memory lives until desk_forget(). Size 0 when the sender is nobody. */
struct nika_span sign_message(struct desk *d, const struct nika_message_table *table,
                              uint32_t sender, uint8_t type, struct nika_span body);

#endif
