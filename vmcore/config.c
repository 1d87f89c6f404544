/* config.c - costs and switches. */
#include "host.h"
#include "swap.h"

#include <string.h>

#define TIME(field, most)         { #field, offsetof(struct vm_config, field), VM_UNIT_TIME, 0, most }
#define SWITCH(field)             { #field, offsetof(struct vm_config, field), VM_UNIT_SWITCH, 0, 1 }
#define SIZE(field, least, most)  { #field, offsetof(struct vm_config, field), VM_UNIT_SIZE, least, most }
#define POWER(field, most)        { #field, offsetof(struct vm_config, field), VM_UNIT_POWER, 0, most }
#define COUNT(field, most)        { #field, offsetof(struct vm_config, field), VM_UNIT_COUNT, 0, most }

static uint64_t *value_at(struct vm_config *c, const struct vm_config_row *r)
{
	return (uint64_t *)((char *)c + r->offset);
}

const struct vm_config_row vm_config_rows[] = {
	TIME(tlb_hit, NS_PER_S), TIME(walk_step, NS_PER_S), TIME(minor_fault, NS_PER_S),
	TIME(major_fault, NS_PER_S), TIME(copy, NS_PER_S), TIME(zero, NS_PER_S), TIME(syscall, NS_PER_S), TIME(disk, 1000 * NS_PER_S),
	SWITCH(flush_on_unmap), SWITCH(eager_fork), SWITCH(swap_cache), SWITCH(share_tables),
	SIZE(fault_around, 1, GiB), SWITCH(trace_access), COUNT(user_frames, UINT32_MAX), SWITCH(oom_kill), COUNT(overcommit, 2),
	POWER(swap_readahead, SWAP_AHEAD_MOST),
	{ 0 }
};

const struct vm_config config_default = {
	.tlb_hit = 1, .walk_step = 20, .minor_fault = 500, .major_fault = 2000, .copy = 250, .zero = 100,
	.syscall = 100, .flush_on_unmap = 1, .swap_cache = 1, .share_tables = 1, .oom_kill = 1, .fault_around = 4 * KiB,
};

static const struct vm_config_preset presets[] = {
	{ "modern", { .tlb_hit = 1, .walk_step = 20, .minor_fault = 500, .major_fault = 2000, .copy = 250, .zero = 100, .syscall = 100 } },
	{ "slow", { .tlb_hit = 10, .walk_step = 100, .minor_fault = 10 * NS_PER_US, .major_fault = 100 * NS_PER_US,
		    .copy = 40 * NS_PER_US, .zero = 20 * NS_PER_US, .syscall = 5 * NS_PER_US, .disk = 10 * NS_PER_MS } },
	{ "free", { 0 } },
};

const struct vm_config_preset *vm_config_preset(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(presets); i++)
		if (strcmp(presets[i].name, name) == 0)
			return &presets[i];
	return NULL;
}

static bool has_costs(const struct vm_host *h, const struct vm_config *costs)
{
	for (const struct vm_config_row *r = vm_config_rows; r->name; r++)
		if (r->unit == VM_UNIT_TIME && *value_at((struct vm_config *)&h->config, r) != *value_at((struct vm_config *)costs, r))
			return false;
	return true;
}

const struct vm_config_preset *vm_config_preset_of(const struct vm_host *h)
{
	for (size_t i = 0; i < G_N_ELEMENTS(presets); i++)
		if (has_costs(h, &presets[i].costs))
			return &presets[i];
	return NULL;
}

void vm_config_use(struct vm_host *h, const struct vm_config_preset *p)
{
	for (const struct vm_config_row *r = vm_config_rows; r->name; r++)
		if (r->unit == VM_UNIT_TIME)
			*value_at(&h->config, r) = *value_at((struct vm_config *)&p->costs, r);
	h->generation++;
}

const struct vm_config *vm_config(const struct vm_host *h)
{
	return &h->config;
}

int vm_config_check(const struct vm_config_row *row, uint64_t value, struct err *e)
{
	if (value < row->least || value > row->most)
		return err_set(e, ERANGE, -1, "%s is from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT ", not %"
			       G_GUINT64_FORMAT, row->name, row->least, row->most, value);
	if (row->unit == VM_UNIT_POWER && (value & (value - 1)))
		return err_set(e, EINVAL, -1, "%s is 0 or a power of two, not %" G_GUINT64_FORMAT, row->name, value);
	return 0;
}

int vm_config_set(struct vm_host *h, const struct vm_config_row *row, uint64_t value, struct err *e)
{
	if (vm_config_check(row, value, e) < 0)
		return -e->code;
	*value_at(&h->config, row) = value;
	h->watch = h->watch_hits || h->config.trace_access;
	h->generation++;
	return 0;
}
