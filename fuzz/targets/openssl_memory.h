/* fuzz/targets/openssl_memory.h: OpenSSL's memory from free lists of our own, for speed.
 *
 * OpenSSL 3.0 allocates for every hash. Under AddressSanitizer that is a tenth of a run of a protocol, and its quarantine turns it into page
 * faults. Nothing is lost: OpenSSL is not instrumented, and no code of ours writes to that memory. */
#ifndef FUZZ_TARGETS_OPENSSL_MEMORY_H
#define FUZZ_TARGETS_OPENSSL_MEMORY_H

/* Before the first call to OpenSSL; later it changes nothing. */
void openssl_memory_install(void);

#endif
