/* config.c - costs and switches. */
#include "host.h"

#define TIME(field, most)         { #field, offsetof(struct vm_config, field), VM_UNIT_TIME, 0, most }
#define SWITCH(field)             { #field, offsetof(struct vm_config, field), VM_UNIT_SWITCH, 0, 1 }
#define SIZE(field, least, most)  { #field, offsetof(struct vm_config, field), VM_UNIT_SIZE, least, most }
#define COUNT(field, most)        { #field, offsetof(struct vm_config, field), VM_UNIT_COUNT, 0, most }

const struct vm_config_row vm_config_rows[] = {
	TIME(tlb_hit, NS_PER_S), TIME(walk_step, NS_PER_S), TIME(minor_fault, NS_PER_S),
	TIME(major_fault, NS_PER_S), TIME(copy, NS_PER_S), TIME(zero, NS_PER_S), TIME(syscall, NS_PER_S), TIME(disk, 1000 * NS_PER_S),
	SWITCH(flush_on_unmap), SWITCH(eager_fork), SWITCH(swap_cache), SWITCH(share_tables),
	SIZE(fault_around, 1, GiB), SWITCH(trace_access), COUNT(user_frames, UINT32_MAX), SWITCH(oom_kill), COUNT(overcommit, 2),
	{ 0 }
};

const struct vm_config config_default = {
	.tlb_hit = 1, .walk_step = 20, .minor_fault = 500, .major_fault = 2000, .copy = 250, .zero = 100,
	.syscall = 100, .flush_on_unmap = 1, .swap_cache = 1, .share_tables = 1, .oom_kill = 1, .fault_around = 4 * KiB,
};

const struct vm_config *vm_config(const struct vm_host *h)
{
	return &h->config;
}

int vm_config_set(struct vm_host *h, const struct vm_config_row *row, uint64_t value, struct err *e)
{
	if (value < row->least || value > row->most)
		return err_set(e, ERANGE, -1, "%s is %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT ", not %"
			       G_GUINT64_FORMAT, row->name, row->least, row->most, value);
	*(uint64_t *)((char *)&h->config + row->offset) = value;
	h->watch = h->watch_hits || h->config.trace_access;
	h->generation++;
	return 0;
}
