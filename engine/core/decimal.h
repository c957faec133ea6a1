/* engine/core/decimal.h: numbers as decimal digits, for those who write millions of them: no printf, no locale. */
#ifndef ENGINE_CORE_DECIMAL_H
#define ENGINE_CORE_DECIMAL_H

#include <stdint.h>
#include <string.h>

#define NIKA_DECIMAL_SIZE 20u /* Digits of UINT64_MAX. */

/* Digits of `value` at `out`, which has room for NIKA_DECIMAL_SIZE; what is behind the digits there is lost. No NUL. Returns how many. */
static inline uint32_t nika_decimal(char *out, uint64_t value)
{
    static const char pairs[] = "0001020304050607080910111213141516171819"
                                "2021222324252627282930313233343536373839"
                                "4041424344454647484950515253545556575859"
                                "6061626364656667686970717273747576777879"
                                "8081828384858687888990919293949596979899";
    char digits[2 * NIKA_DECIMAL_SIZE] = {0};
    uint32_t at = NIKA_DECIMAL_SIZE;
    if (value < 10) {
        out[0] = (char)('0' + value);
        return 1;
    }
    for (; value >= 100; value /= 100) {
        at -= 2;
        memcpy(digits + at, pairs + value % 100 * 2, 2);
    }
    if (value >= 10) {
        at -= 2;
        memcpy(digits + at, pairs + value * 2, 2);
    } else {
        digits[--at] = (char)('0' + value);
    }
    memcpy(out, digits + at, NIKA_DECIMAL_SIZE); /* Of a size that the compiler knows: fast. */
    return NIKA_DECIMAL_SIZE - at;
}

#endif
