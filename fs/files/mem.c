/*
 * mem.c - hosts/H/mem: physical memory, its geometry, the TLB, the costs and the counters.
 */
#include "command.h"
#include "geometry_text.h"
#include "policy.h"
#include "table.h"
#include "text.h"
#include "vm_disk.h"
#include "vm_frame.h"
#include "vm_walk.h"
#include "world.h"

#include <inttypes.h>
#include <string.h>

enum { FRAMES_LISTED_MAX = 1 << 20, FRAMES_A_LINE = 64, DUMP_BYTES = 256, DUMP_A_LINE = 16 };

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

/* Frames. */

static const struct column frame_columns[] = {
	{ "pfn", COLUMN_HEX }, { "use", COLUMN_WORD }, { "refs", COLUMN_NUMBER }, { "maps", COLUMN_NUMBER },
	{ "pid", COLUMN_NUMBER }, { "va", COLUMN_HEX }, { "flags", COLUMN_WORD }, { "age", COLUMN_TIME }, { 0 }
};

/* "dirty,locked"; empty for none. */
static void put_frame_flags(GString *out, unsigned flags)
{
	static const struct { unsigned flag; const char *name; } names[] = {
		{ VM_FRAME_DIRTY, "dirty" }, { VM_FRAME_REFERENCED, "referenced" }, { VM_FRAME_ACTIVE, "active" },
		{ VM_FRAME_LOCKED, "locked" }, { VM_FRAME_SWAPCACHE, "swapcache" }, { VM_FRAME_WRITEBACK, "writeback" },
		{ VM_FRAME_SHMEM, "shmem" }, { VM_FRAME_HUGE_HEAD, "head" }, { VM_FRAME_HUGE_TAIL, "tail" },
		{ VM_FRAME_SHARED_TABLE, "shared" },
	};
	size_t start = out->len;

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		if (!(flags & names[i].flag))
			continue;
		if (out->len > start)
			put_char(out, ',');
		put_text(out, names[i].name);
	}
}

/* The next frame that lists show: every one, but in large machines only those that were ever used. */
static bool next_frame(const struct vm_host *vm, pfn_t pfn, struct vm_frame *f)
{
	return vm_frame_count(vm) > FRAMES_LISTED_MAX ? vm_frame_above(vm, pfn, f) : vm_frame_at(vm, pfn, f);
}

static int fill_frames(const struct node *n, struct table_out *t, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	g_autoptr(GString) flags = g_string_new(NULL);
	struct vm_frame f;

	if (!vm)
		return -e->code;
	for (pfn_t pfn = 0; next_frame(vm, pfn, &f); pfn = f.pfn + 1) {
		g_string_truncate(flags, 0);
		put_frame_flags(flags, f.flags);
		table_hex(t, f.pfn);
		table_word(t, vm_frame_use_names[f.use]);
		table_number(t, f.refs);
		table_number(t, f.maps);
		if (f.pid) {
			table_signed(t, f.pid);
			table_hex(t, f.va);
		} else {
			table_none(t);
			table_none(t);
		}
		table_word(t, flags->len ? flags->str : NULL);
		if (f.use == VM_FRAME_FREE)
			table_none(t);
		else
			table_time(t, f.age);
	}
	return 0;
}

static bool show_mapper(void *arg, int32_t pid, va_t va)
{
	g_string_append_printf(arg, "mapped=%" PRId32 ":0x%" PRIx64 "\n", pid, va);
	return true;
}

static void show_dump(const struct vm_host *vm, pa_t at, size_t len, GString *out)
{
	uint8_t bytes[DUMP_BYTES];

	len = vm_ram_read(vm, at, bytes, MIN(len, sizeof(bytes)));
	for (size_t line = 0; line < len; line += DUMP_A_LINE) {
		size_t end = MIN(line + DUMP_A_LINE, len);

		put_text(out, "0x");
		put_hex(out, at + line);
		put_char(out, ':');
		for (size_t i = line; i < end; i++) {
			put_char(out, ' ');
			put_hex_width(out, bytes[i], 2);
		}
		put_text(out, "  ");
		for (size_t i = line; i < end; i++)
			put_char(out, g_ascii_isprint(bytes[i]) ? (char)bytes[i] : '.');
		put_char(out, '\n');
	}
}

static int show_frame(const struct node *n, GString *out, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	struct vm_frame f;

	if (!vm)
		return -e->code;
	if (!vm_frame_at(vm, n->arg, &f))
		return err_set(e, ENOENT, -1, "frame 0x%" PRIx64 " is beyond RAM", n->arg);
	g_string_append_printf(out, "pfn=0x%" PRIx64 "\nuse=%s\nrefs=%" PRIu32 "\nmaps=%" PRIu32 "\n", f.pfn,
			       vm_frame_use_names[f.use], f.refs, f.maps);
	if (f.pid)
		g_string_append_printf(out, "pid=%" PRId32 "\nva=0x%" PRIx64 "\n", f.pid, f.va);
	else
		put_text(out, "pid=-\nva=-\n");
	put_text(out, "flags=");
	put_frame_flags(out, f.flags);
	if (g_str_has_suffix(out->str, "="))
		put_char(out, '-');
	put_text(out, "\nage=");
	if (f.use == VM_FRAME_FREE)
		put_char(out, '-');
	else
		put_time(out, f.age);
	put_char(out, '\n');
	if (f.use == VM_FRAME_TABLE)
		g_string_append_printf(out, "level=%u\n", f.level);
	if (f.inode) {
		g_autofree char *path = vm_inode_path(f.inode);

		g_string_append_printf(out, "file=%s\npage=%" PRIu64 "\n", path, f.index);
	}
	vm_frame_mappers(vm, f.pfn, show_mapper, out);
	show_dump(vm, f.pfn << vm_host_options(vm)->geometry.page_bits,
		  (size_t)MIN(vm_page_size(&vm_host_options(vm)->geometry), DUMP_BYTES), out);
	return 0;
}

static const struct row frame_row = {
	.name = "PFN", .kind = ROW_TEXT, .mode = 0444, .flags = ROW_UNLISTED, .show = show_frame, .help = "mem-frame",
};

static int find_frame(const struct node *dir, const char *name, struct node *child)
{
	struct vm_host *vm = world_vm(dir, NULL);
	uint64_t pfn;

	if (!vm)
		return -ESRCH;
	if (parse_number(name, &pfn, NULL) || pfn >= vm_frame_count(vm))
		return -ENOENT;
	*child = *dir;
	child->row = &frame_row;
	child->arg = pfn;
	child->format = FORMAT_TEXT;
	return 0;
}

static bool no_frame(const struct node *dir, uint64_t *cookie, char *name, struct node *child)
{
	return false;
}

static const struct dir_ops frame_dir = { .find = find_frame, .next = no_frame };

static char map_letter(const struct vm_frame *f)
{
	static const char letters[VM_FRAME_USES] = {
		[VM_FRAME_FREE] = '.', [VM_FRAME_TABLE] = 'T', [VM_FRAME_ANON] = 'a', [VM_FRAME_FILE] = 'f',
		[VM_FRAME_ZERO] = '0', [VM_FRAME_KERNEL] = 'K',
	};
	char c = letters[f->use];

	if ((f->use == VM_FRAME_ANON || f->use == VM_FRAME_FILE) && f->maps > 1)
		c = 's';
	else if (f->use == VM_FRAME_ANON && f->pid)
		return (char)('0' + f->pid % 10);
	return f->flags & VM_FRAME_DIRTY ? g_ascii_toupper(c) : c;
}

static int show_map(const struct node *n, GString *out, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	uint64_t shown = 0;
	struct vm_frame f;

	if (!vm)
		return -e->code;
	for (pfn_t pfn = 0; next_frame(vm, pfn, &f); pfn = f.pfn + 1) {
		put_char(out, map_letter(&f));
		if (++shown % FRAMES_A_LINE == 0)
			put_char(out, '\n');
	}
	if (shown % FRAMES_A_LINE)
		put_char(out, '\n');
	return 0;
}

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

/* Costs and switches. */

static void put_setting(GString *out, const struct vm_config_row *row, uint64_t value)
{
	if (row->unit == VM_UNIT_TIME)
		put_duration(out, value);
	else if (row->unit == VM_UNIT_SIZE)
		put_size(out, value);
	else
		put_dec(out, value);
}

static int show_config(const struct node *n, GString *out, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);

	if (!vm)
		return -e->code;
	for (const struct vm_config_row *row = vm_config_rows; row->name; row++) {
		put_text(out, row->name);
		put_char(out, '=');
		put_setting(out, row, *(const uint64_t *)((const char *)vm_config(vm) + row->offset));
		put_char(out, '\n');
	}
	put_text(out, "preset=");
	put_text(out, vm_config_preset_of(vm) ? vm_config_preset_of(vm)->name : "custom");
	put_char(out, '\n');
	return 0;
}

static const struct vm_config_row *config_row(const char *name, size_t len)
{
	for (const struct vm_config_row *row = vm_config_rows; row->name; row++) {
		if (strlen(row->name) == len && strncmp(row->name, name, len) == 0)
			return row;
	}
	return NULL;
}

static int check_preset(const char *name, struct err *e)
{
	if (strcmp(name, "custom") == 0 || vm_config_preset(name))
		return 0;
	return err_set(e, EINVAL, -1, "'%.40s' is none of modern slow free custom", name);
}

/* *row is NULL for a preset. */
static int parse_setting(const char *word, const struct vm_config_row **row, uint64_t *value, struct err *e)
{
	const char *equals = strchr(word, '=');
	ns_t time;

	*row = NULL;
	if (!equals)
		return err_set(e, EINVAL, -1, "%.40s is not NAME=VALUE", word);
	if (g_str_has_prefix(word, "preset="))
		return check_preset(equals + 1, e);
	*row = config_row(word, (size_t)(equals - word));
	if (!*row)
		return err_set(e, EINVAL, -1, "there is no setting %.*s", (int)MIN(equals - word, 40), word);
	if ((*row)->unit == VM_UNIT_TIME) {
		if (parse_time(equals + 1, &time, e))
			return -e->code;
		*value = time;
	} else if (parse_number(equals + 1, value, e)) {
		return -e->code;
	}
	if (*value < (*row)->least || *value > (*row)->most)
		return err_set(e, ERANGE, -1, "%s is from %" PRIu64 " to %" PRIu64, (*row)->name, (*row)->least, (*row)->most);
	return 0;
}

/* Several NAME=VALUE in a line are one change: all or none. */
static int store_config(const struct node *n, char *line, GString *result, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	const struct vm_config_row *row;
	struct words w;
	uint64_t value;
	int error = 0;

	if (!vm || words_split(line, &w, e))
		return -e->code;
	error = words_are_text(w.word, w.count, e);
	for (unsigned i = 0; i < w.count && !error; i++) {
		error = parse_setting(w.word[i].text, &row, &value, e);
		if (error)
			e->arg = (int)w.word[i].at;
	}
	for (unsigned i = 0; i < w.count && !error; i++) {
		parse_setting(w.word[i].text, &row, &value, e);
		if (row)
			error = vm_config_set(vm, row, value, e);
		else if (vm_config_preset(w.word[i].text + strlen("preset=")))
			vm_config_use(vm, vm_config_preset(w.word[i].text + strlen("preset=")));
	}
	words_free(&w);
	return error;
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
