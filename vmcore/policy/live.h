/* live.h - the policies in one table of functions, over the page tables of a machine. */
#ifndef VMCORE_POLICY_LIVE_H
#define VMCORE_POLICY_LIVE_H

#include "policy.h"

struct policy_ops {
	const char *name;
	unsigned needs;
	const struct policy_param *params;   /* NULL: none */
	void (*load)(struct policy *p, uint32_t f, uint64_t page);
	void (*hit)(struct policy *p, uint32_t f);
	uint32_t (*victim)(struct policy *p, uint64_t page);
	void (*forget)(struct policy *p, uint32_t f);
	void (*each)(const struct policy *p, policy_each_fn *each, void *arg);
	uint32_t (*count)(const struct policy *p, uint32_t f);   /* what it counts, for people; NULL: nothing */
	bool asks;                   /* somebody outside chooses */
	bool watermarks;             /* has some where none are set */
	const char *refused;         /* it exists, but not on a live machine: why */
};
extern const struct policy_ops policies[];   /* ends with a NULL name */
extern const struct policy_ops *const policy_default;
/* clock1 is clock; NULL: there is none of that name. */
const struct policy_ops *policy_named(const char *name);

/* What policies with own bits ask of the machine besides, reclaim_bits.c. */
void machine_unuse(struct policy *p, uint32_t f);
bool machine_is_file(struct policy *p, uint32_t f);
void machine_soon(struct policy *p, uint32_t f);

#endif
