/* bench.h - what benchmarks share: clocks, and one processor for a run. */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

#include <sched.h>
#include <time.h>

static inline double seconds_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline double wall_s(void) { return seconds_of(CLOCK_MONOTONIC); }
static inline double wall_us(void) { return wall_s() * 1e6; }
static inline double cpu_s(void) { return seconds_of(CLOCK_PROCESS_CPUTIME_ID); }
static inline double cpu_us(void) { return cpu_s() * 1e6; }

/* The last processor that we may use: the first serves most interrupts. */
static inline void pin(void)
{
	cpu_set_t set;

	sched_getaffinity(0, sizeof(set), &set);
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--)
		if (CPU_ISSET(cpu, &set)) {
			CPU_ZERO(&set);
			CPU_SET(cpu, &set);
			sched_setaffinity(0, sizeof(set), &set);
			return;
		}
}

#endif
