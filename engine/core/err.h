/* engine/core/err.h: errors of the world outside (malformed bytes, bad configuration, full containers).
 *
 * A broken invariant of ours is never an error value; it is NIKA_ASSERT (assert.h). */
#ifndef ENGINE_CORE_ERR_H
#define ENGINE_CORE_ERR_H

enum nika_err {
    NIKA_OK = 0,
    NIKA_ERR_LIMIT = -1,     /* A named limit would be exceeded; nothing was changed. */
    NIKA_ERR_MALFORMED = -2, /* Bytes are not a canonical encoding of what was expected. */
    NIKA_ERR_AUTH = -3,      /* Signature or MAC does not verify, or names a wrong suite or key. */
    NIKA_ERR_CONFIG = -4,    /* A configuration value is out of its documented range. */
    NIKA_ERR_NOT_FOUND = -5, /* No such entry. */
    NIKA_ERR_IO = -6,        /* The operating system refused; errno tells why. */
    NIKA_ERR_VERSION = -7,   /* A file was written by an incompatible version. */
};

/* Short lower-case text for an error, e.g. "malformed". Static storage. */
const char *nika_err_text(enum nika_err err);

#endif
