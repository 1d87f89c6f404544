/* siphash.h - SipHash-2-4 (Aumasson and Bernstein 2012): what a stranger must not be able to guess. */
#ifndef NETD_SIPHASH_H
#define NETD_SIPHASH_H

#include "units.h"

struct sip_key { uint64_t k[2]; };

uint64_t siphash(const struct sip_key *key, const void *bytes, size_t len);

#endif
