/* units.h - the units in which everything is counted. */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t ns_t; /* simulated time or a duration, nanoseconds */

#define NS_PER_US  ((ns_t)1000)
#define NS_PER_MS  ((ns_t)1000000)
#define NS_PER_S   ((ns_t)1000000000)

#define KiB ((uint64_t)1 << 10)
#define MiB ((uint64_t)1 << 20)
#define GiB ((uint64_t)1 << 30)

#endif
