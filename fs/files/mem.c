/* mem.c - hosts/H/mem: physical memory, its geometry, the TLB, the counters. */
#include "mem.h"

#include "command.h"
#include "geometry_text.h"
#include "policy.h"
#include "table.h"
#include "text.h"
#include "vm_frame.h"
#include "vm_walk.h"
#include "world.h"

#include <inttypes.h>
#include <string.h>

/* The shape: geometry, size. */

static int show_geometry(const struct node *n, GString *out, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);

	if (!vm)
		return -e->code;
	geometry_print(&vm_host_options(vm)->geometry, out);
	put_char(out, '\n');
	return 0;
}

/* RAM that suits a geometry: what the user asked for in whole pages, at most 2^pa. */
static uint64_t size_for(const struct node *n, const struct vm_geometry *g)
{
	uint64_t page = vm_page_size(g), most = g->pa_bits < 64 ? (uint64_t)1 << g->pa_bits : UINT64_MAX;
	uint64_t wanted = world_host(n, NULL)->ram_wanted;

	if (!wanted)
		wanted = n->world->options.ram_bytes;
	return MIN(MAX(wanted / page * page, page), most);
}

static int store_geometry(const struct node *n, char *line, GString *result, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	struct vm_geometry g;

	if (!vm || geometry_parse(line, &g, e))
		return -e->code;
	return vm_host_reshape(vm, &g, size_for(n, &g), e);
}

static int show_size(const struct node *n, GString *out, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);

	if (!vm)
		return -e->code;
	put_dec(out, vm_ram_size(vm));
	put_char(out, '\n');
	return 0;
}

static int store_size(const struct node *n, char *line, GString *result, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	uint64_t bytes;

	if (!vm || parse_number(g_strstrip(line), &bytes, e))
		return -e->code;
	if (bytes == 0)
		return err_set(e, EINVAL, -1, "a machine needs RAM");
	if (vm_host_reshape(vm, &vm_host_options(vm)->geometry, bytes, e))
		return -e->code;
	world_host(n, NULL)->ram_wanted = bytes;
	return 0;
}

/* The bytes. */

static uint64_t ram_size(const struct node *n)
{
	struct vm_host *vm = world_vm(n, NULL);

	return vm ? vm_ram_size(vm) : 0;
}

static ssize_t ram_read(const struct node *n, uint64_t at, void *to, size_t len, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);

	return vm ? (ssize_t)vm_ram_read(vm, at, to, len) : -e->code;
}

static ssize_t ram_write(const struct node *n, uint64_t at, const void *from, size_t len, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);

	if (!vm)
		return -e->code;
	if (len && at >= vm_ram_size(vm))
		return err_set(e, ENOSPC, -1, "0x%" PRIx64 " is beyond the %" PRIu64 " bytes of RAM", at, vm_ram_size(vm));
	return (ssize_t)vm_ram_write(vm, at, from, len);
}

static bool ram_listed(const struct node *n)
{
	return ram_size(n) <= 4 * GiB;
}

static const struct bytes_ops ram_bytes = { .size = ram_size, .read = ram_read, .write = ram_write };

/* The TLB. */

static const struct column tlb_columns[] = {
	{ "set", COLUMN_NUMBER }, { "way", COLUMN_NUMBER }, { "asid", COLUMN_NUMBER }, { "vpn", COLUMN_HEX },
	{ "pfn", COLUMN_HEX }, { "flags", COLUMN_WORD }, { 0 }
};

static int fill_tlb(const struct node *n, struct table_out *t, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	g_autoptr(GString) flags = g_string_new(NULL);
	struct vm_tlb_entry entry;
	uint64_t cursor = 0;

	if (!vm)
		return -e->code;
	while (vm_tlb_next(vm, &cursor, &entry)) {
		g_string_truncate(flags, 0);
		put_pte_flags(flags, entry.flags);
		table_number(t, entry.set);
		table_number(t, entry.way);
		table_number(t, entry.asid);
		table_hex(t, entry.vpn);
		table_hex(t, entry.pfn);
		table_word(t, strcmp(flags->str, "-") == 0 ? NULL : flags->str);
	}
	return 0;
}

static int run_flush(struct call *c, struct err *e)
{
	struct vm_host *vm = world_vm(c->n, e);
	va_t va;

	if (!vm)
		return -e->code;
	if (!arg_present(c, 0)) {
		vm_tlb_flush(vm);
		return 0;
	}
	if (!arg_addr(c, 0, &va, e))
		return -e->code;
	vm_tlb_flush_va(vm, va);
	return 0;
}

static int run_entries(struct call *c, struct err *e)
{
	struct vm_host *vm = world_vm(c->n, e);
	uint64_t entries, ways;

	if (!vm)
		return -e->code;
	entries = vm_tlb_shape(vm).entries;
	ways = vm_tlb_shape(vm).ways;
	if (!option_number(c, "entries", &entries, e) || !option_number(c, "ways", &ways, e))
		return -e->code;
	if (entries > UINT32_MAX || ways > UINT32_MAX)
		return err_set(e, EINVAL, -1, "a TLB has at most 2^20 entries");
	return vm_tlb_reshape(vm, (struct vm_tlb_shape){ (unsigned)entries, (unsigned)ways }, e);
}

static const struct command tlb_commands[] = {
	{ "flush", "[VA]", run_flush, "forget all entries, or those of one page in every address space" },
	{ "shape", "[entries=N] [ways=N]", run_entries, "a TLB of that size, empty; entries=0: none. The word shape may be left out" },
	{ 0 }
};

static int store_tlb(const struct node *n, char *line, GString *result, struct err *e)
{
	const char *start = line + strspn(line, " \t");
	int error;

	if (!g_str_has_prefix(start, "entries=") && !g_str_has_prefix(start, "ways="))
		return command_run(tlb_commands, n, line, result, e);
	g_autofree char *whole = g_strconcat("shape ", line, NULL);

	error = command_run(tlb_commands, n, whole, result, e);
	if (error && e->arg >= 6)
		e->arg -= 6;
	return error;
}

/* Counters. */

static int show_stats(const struct node *n, GString *out, struct err *e)
{
	static const struct { const char *name; size_t offset; } counters[] = {
		{ "accesses", offsetof(struct vm_stats, accesses) },
		{ "tlb_hits", offsetof(struct vm_stats, tlb_hits) },
		{ "tlb_misses", offsetof(struct vm_stats, tlb_misses) },
		{ "walk_steps", offsetof(struct vm_stats, walk_steps) },
		{ "minor_faults", offsetof(struct vm_stats, minor_faults) },
		{ "major_faults", offsetof(struct vm_stats, major_faults) },
		{ "zero_fills", offsetof(struct vm_stats, zero_fills) },
		{ "cow_copies", offsetof(struct vm_stats, cow_copies) },
		{ "evictions_clean", offsetof(struct vm_stats, evictions_clean) },
		{ "evictions_dirty", offsetof(struct vm_stats, evictions_dirty) },
		{ "swap_ins", offsetof(struct vm_stats, swap_ins) },
		{ "swap_outs", offsetof(struct vm_stats, swap_outs) },
		{ "writebacks", offsetof(struct vm_stats, writebacks) },
	};
	struct vm_host *vm = world_vm(n, e);
	const struct vm_stats *stats;

	if (!vm)
		return -e->code;
	stats = vm_stats(vm);
	for (size_t i = 0; i < G_N_ELEMENTS(counters); i++) {
		put_text(out, counters[i].name);
		put_char(out, ' ');
		put_dec(out, *(const uint64_t *)((const char *)stats + counters[i].offset));
		put_char(out, '\n');
	}
	put_text(out, "time ");
	put_time(out, stats->time);
	put_char(out, '\n');
	return 0;
}

/* mem/ctl. */

static int run_drop_caches(struct call *c, struct err *e)
{
	struct vm_host *vm = world_vm(c->n, e);

	return vm ? vm_drop_caches(vm, e) : -e->code;
}

static int run_writeback(struct call *c, struct err *e)
{
	struct vm_host *vm = world_vm(c->n, e);

	return vm ? vm_writeback(vm, e) : -e->code;
}

static int run_next(struct call *c, struct err *e)
{
	struct vm_host *vm = world_vm(c->n, e);
	g_autofree pfn_t *pfns = NULL;

	if (!vm)
		return -e->code;
	pfns = g_new(pfn_t, c->count);
	for (unsigned i = 0; i < c->count; i++) {
		if (!arg_number(c, i, &pfns[i], e))
			return -e->code;
	}
	return vm_frames_next(vm, pfns, c->count, e);
}

const struct command mem_commands[] = {
	{ "drop_caches", "", run_drop_caches, "clean page-cache frames that nobody maps become free" },
	{ "writeback", "", run_writeback, "dirty pages of files go to the disk" },
	{ "next", "PFN...", run_next, "the next frames handed out, in this order" },
	{ "reclaim", "N", run_reclaim, "the policy evicts N pages; result: how many went" },
	{ "watermark", "LOW HIGH", run_watermark, "below LOW free frames pages are evicted until HIGH are; 0 0: never" },
	{ 0 }
};

static int store_ctl(const struct node *n, char *line, GString *result, struct err *e)
{
	return command_run(mem_commands, n, line, result, e);
}

const struct row mem_rows[] = {
	{ .name = "ctl", .kind = ROW_TEXT, .mode = 0644, .show = show_result, .store = store_ctl, .help = "mem-ctl" },
	{ .name = "geometry", .kind = ROW_TEXT, .mode = 0644, .show = show_geometry, .store = store_geometry, .help = "mem-geometry" },
	{ .name = "size", .kind = ROW_TEXT, .mode = 0644, .show = show_size, .store = store_size, .help = "mem-size" },
	{ .name = "ram", .kind = ROW_BYTES, .mode = 0644, .bytes = &ram_bytes, .listed = ram_listed, .help = "mem-ram" },
	{ .name = "frames", .kind = ROW_TABLE, .mode = 0444, .columns = frame_columns, .fill = fill_frames, .help = "mem-frames" },
	{ .name = "frame", .kind = ROW_DIRECTORY, .mode = 0555, .dynamic = &frame_dir, .help = "mem-frame" },
	{ .name = "map", .kind = ROW_TEXT, .mode = 0444, .show = show_map, .help = "mem-map" },
	{ .name = "tlb", .kind = ROW_TABLE, .mode = 0644, .columns = tlb_columns, .fill = fill_tlb, .store = store_tlb, .help = "mem-tlb" },
	{ .name = "policy", .kind = ROW_TEXT, .mode = 0644, .show = show_policy, .store = store_policy, .help = "mem-policy" },
	{ .name = "lru", .kind = ROW_TABLE, .mode = 0444, .columns = lru_columns, .fill = fill_lru, .help = "mem-lru" },
	{ .name = "victim", .kind = ROW_STREAM, .mode = 0600, .flags = ROW_UNLISTED, .stream = &victim_stream, .help = "mem-victim" },
	{ .name = "stats", .kind = ROW_TEXT, .mode = 0444, .show = show_stats, .help = "mem-stats" },
	{ .name = "config", .kind = ROW_TEXT, .mode = 0644, .show = show_config, .store = store_config, .help = "mem-config" },
	{ 0 }
};
