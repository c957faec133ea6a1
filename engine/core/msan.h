/* engine/core/msan.h: what MemorySanitizer must be told about libraries that are not built with it (OpenSSL, jansson).
 *
 * Without MemorySanitizer everything here is nothing. Only memory that such a library has really written may be declared written, or
 * the sanitizer would be blinded to our own mistakes. Owns nothing. */
#ifndef ENGINE_CORE_MSAN_H
#define ENGINE_CORE_MSAN_H

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#define NIKA_MSAN 1
#endif
#endif

#ifdef NIKA_MSAN
#include <sanitizer/msan_interface.h>

/* More stack than any call into such a library uses. */
#define NIKA_MSAN_STACK 65536u

/* `size` bytes at `data` were written by a library that the sanitizer cannot see into. */
static inline void nika_msan_written(const void *data, size_t size)
{
    __msan_unpoison(data, size);
}
/* Such a library reads `size` bytes at `data`: nothing unwritten may be hashed, signed or sent. */
static inline void nika_msan_read(const void *data, size_t size)
{
    __msan_check_mem_is_initialized(data, size);
}
/* Around a call into such a library: its frames reuse stack on which our own frames left their marks, and the C functions that it
 * calls would check memory that it wrote unseen. */
__attribute__((noinline, unused)) static void nika_msan_enter(void)
{
    char below[NIKA_MSAN_STACK];
    __msan_unpoison(below, sizeof below);
    __msan_scoped_disable_interceptor_checks();
}
static inline void nika_msan_leave(void)
{
    __msan_scoped_enable_interceptor_checks();
}
#else
static inline void nika_msan_written(const void *data, size_t size)
{
    (void)data;
    (void)size;
}
static inline void nika_msan_read(const void *data, size_t size)
{
    (void)data;
    (void)size;
}
static inline void nika_msan_enter(void)
{
}
static inline void nika_msan_leave(void)
{
}
#endif

#endif
