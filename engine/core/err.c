/* engine/core/err.c: texts of the error values. Owns nothing. */
#include "engine/core/err.h"

const char *nika_err_text(enum nika_err err)
{
    switch (err) {
    case NIKA_OK:
        return "ok";
    case NIKA_ERR_LIMIT:
        return "limit exceeded";
    case NIKA_ERR_MALFORMED:
        return "malformed";
    case NIKA_ERR_AUTH:
        return "not authentic";
    case NIKA_ERR_CONFIG:
        return "bad configuration";
    case NIKA_ERR_NOT_FOUND:
        return "not found";
    case NIKA_ERR_IO:
        return "input/output error";
    case NIKA_ERR_VERSION:
        return "incompatible version";
    }
    return "unknown error";
}
