/* mem_frames.c - frames of RAM in hosts/H/mem: frames, frame/, map. */
#include "mem.h"

#include "command.h"
#include "table.h"
#include "text.h"
#include "vm_disk.h"
#include "vm_frame.h"
#include "world.h"

#include <inttypes.h>

enum { FRAMES_LISTED_MAX = 1 << 20, FRAMES_A_LINE = 64, DUMP_BYTES = 256, DUMP_A_LINE = 16 };

const struct column frame_columns[] = {
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

int fill_frames(const struct node *n, struct table_out *t, struct err *e)
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

const struct dir_ops frame_dir = { .find = find_frame, .next = no_frame };

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

int show_map(const struct node *n, GString *out, struct err *e)
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
