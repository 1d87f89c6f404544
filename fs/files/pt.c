/*
 * pt.c - proc/PID/pt/: the page table as directories.
 *
 * A directory is a table: its entries that lead to a table are directories again, named by their index; those that map a
 * page are regular files with the page's bytes. A leaf's metadata speaks: inode number = PFN, link count = how many
 * (process, address) pairs map the frame, mode = the entry's permissions, size = the page. Layouts other than radix
 * have leaves only, named by virtual page number.
 *
 * In nodes, arg is the lowest address that the table or page translates; arg2 the level of a directory's table, the
 * root being 1 (0 stands for it in pt/ itself), or, of a leaf, the level whose entry it is.
 *
 * Everything is read from RAM as the MMU would read it, so a poked entry shows; depth is bounded by the levels,
 * even when a table points to itself.
 */
#include "process.h"
#include "table.h"
#include "text.h"
#include "vm_frame.h"
#include "vm_walk.h"

#include <string.h>

static const struct row pt_directory, pt_leaf, pt_swapped;

static unsigned level_of(const struct node *n)
{
	return n->arg2 ? (unsigned)n->arg2 : 1;
}

static va_t first_of(const struct node *n)
{
	return n->arg2 ? n->arg : 0;
}

static bool is_radix(const struct vm_geometry *g)
{
	return g->table == VM_TABLE_RADIX;
}

static unsigned hex_digits(unsigned bits)
{
	return MAX((bits + 3) / 4, 1);
}

/* The table that a directory stands for. */
static struct vm_proc *table_of(const struct node *dir, struct vm_table_page *t)
{
	struct vm_proc *p = process_alive(dir, NULL);

	if (!p || !is_radix(process_geometry(p)) || !vm_table_at(p, level_of(dir), first_of(dir), t))
		return NULL;
	return p;
}

/* A page in swap: a link to where it is. */
static bool is_swapped(const struct vm_proc *p, struct node *child)
{
	struct vm_page page;

	vm_page_at(p, child->arg, &page);
	if (page.state != VM_PAGE_SWAPPED)
		return false;
	child->arg2 = process_geometry(p)->levels;
	child->row = &pt_swapped;
	return true;
}

/* The child of entry `i`; false when the entry is not valid. */
static bool entry_node(const struct node *dir, struct vm_proc *p, const struct vm_table_page *t, uint64_t i,
		       struct node *child)
{
	struct vm_walk_step step;
	struct vm_table_page below;
	bool leaf;

	vm_table_entry(p, t, i, &step, &leaf);
	*child = *dir;
	child->arg = t->first + (i << t->entry_bits);
	if (!step.valid)
		return level_of(dir) == process_geometry(p)->levels && is_swapped(p, child);
	if (leaf) {
		child->arg2 = level_of(dir);
		child->row = &pt_leaf;
		return true;
	}
	child->arg2 = level_of(dir) + 1;
	child->row = &pt_directory;
	/* A pointer beyond RAM leads nowhere. */
	return vm_table_at(p, level_of(child), child->arg, &below);
}

static bool page_node(const struct node *dir, struct vm_proc *p, vpn_t vpn, struct node *child)
{
	struct vm_page page;

	*child = *dir;
	child->arg = vpn << process_geometry(p)->page_bits;
	child->arg2 = 1;
	child->row = &pt_leaf;
	vm_page_at(p, child->arg, &page);
	return page.pfn != PFN_NONE || is_swapped(p, child);
}

/* Lower-case hex of exactly so many digits. */
static bool parse_index(const char *name, unsigned digits, uint64_t *index)
{
	uint64_t v = 0;

	if (strlen(name) != digits)
		return false;
	for (; *name; name++) {
		if (!g_ascii_isxdigit(*name) || g_ascii_isupper(*name))
			return false;
		v = v << 4 | (uint64_t)g_ascii_xdigit_value(*name);
	}
	*index = v;
	return true;
}

static int pt_find(const struct node *dir, const char *name, struct node *child)
{
	struct vm_proc *p = process_alive(dir, NULL);
	const struct vm_geometry *g;
	struct vm_table_page t;
	uint64_t i;

	if (!p)
		return -ESRCH;
	g = process_geometry(p);
	if (!is_radix(g)) {
		if (!parse_index(name, hex_digits(g->va_bits - g->page_bits), &i) ||
		    (g->va_bits - g->page_bits < 64 && i >> (g->va_bits - g->page_bits)))
			return -ENOENT;
		return page_node(dir, p, i, child) ? 0 : -ENOENT;
	}
	if (!table_of(dir, &t))
		return level_of(dir) == 1 ? -ENOENT : -ESTALE;
	if (!parse_index(name, hex_digits(g->index_bits[level_of(dir) - 1]), &i) || i >= t.entries)
		return -ENOENT;
	return entry_node(dir, p, &t, i, child) ? 0 : -ENOENT;
}

/* The cookie is the index, or page number, plus 1. */
static bool pt_next(const struct node *dir, uint64_t *cookie, char *name, struct node *child)
{
	struct vm_proc *p = process_alive(dir, NULL);
	const struct vm_geometry *g;
	struct vm_table_page t;

	if (!p)
		return false;
	g = process_geometry(p);
	if (!is_radix(g)) {
		vpn_t vpn = *cookie;

		for (; vm_page_above(p, vpn, &vpn); vpn++) {
			if (!page_node(dir, p, vpn, child))
				continue;
			*cookie = vpn + 1;
			g_snprintf(name, 256, "%0*" PRIx64, (int)hex_digits(g->va_bits - g->page_bits), vpn);
			return true;
		}
		return false;
	}
	if (!table_of(dir, &t))
		return false;
	for (uint64_t i = *cookie; i < t.entries; i++) {
		if (!entry_node(dir, p, &t, i, child))
			continue;
		*cookie = i + 1;
		g_snprintf(name, 256, "%0*" PRIx64, (int)hex_digits(g->index_bits[level_of(dir) - 1]), i);
		return true;
	}
	return false;
}

const struct dir_ops pt_ops = { .find = pt_find, .next = pt_next };

/* --- .table and .entries --- */

static int show_table_bytes(const struct node *n, GString *out, struct err *e)
{
	struct vm_table_page t;
	struct vm_proc *p = table_of(n, &t);
	size_t len, start = out->len;

	if (!p)
		return 0;
	len = (size_t)(t.entries * process_geometry(p)->pte_bytes);
	g_string_set_size(out, start + len);
	g_string_set_size(out, start + vm_ram_read(vm_proc_host(p), t.at, out->str + start, len));
	return 0;
}

static const struct column entry_columns[] = {
	{ "index", COLUMN_HEX }, { "va", COLUMN_HEX }, { "pte_addr", COLUMN_HEX }, { "pte", COLUMN_HEX },
	{ "kind", COLUMN_WORD }, { "ppn", COLUMN_HEX }, { "flags", COLUMN_WORD }, { 0 }
};

static int fill_entries(const struct node *n, struct table_out *out, struct err *e)
{
	g_autoptr(GString) flags = g_string_new(NULL);
	struct vm_table_page t;
	struct vm_proc *p = table_of(n, &t);

	for (uint64_t i = 0; p && i < t.entries; i++) {
		struct vm_walk_step step;
		bool leaf;

		vm_table_entry(p, &t, i, &step, &leaf);
		if (!step.valid)
			continue;
		table_hex(out, i);
		table_hex(out, t.first + (i << t.entry_bits));
		table_hex(out, step.pte_addr);
		table_hex(out, step.pte);
		table_word(out, leaf ? "page" : "table");
		table_hex(out, step.ppn);
		g_string_truncate(flags, 0);
		put_pte_flags(flags, step.flags);
		table_word(out, flags->str);
	}
	return 0;
}

/* --- leaves --- */

/* The entry of a leaf as it is now. */
static struct vm_proc *leaf_of(const struct node *n, struct vm_page *page)
{
	struct vm_proc *p = process_alive(n, NULL);

	if (!p)
		return NULL;
	vm_page_at(p, n->arg, page);
	return page->pfn != PFN_NONE ? p : NULL;
}

static unsigned leaf_bits(const struct vm_proc *p, const struct vm_page *page)
{
	return page->huge_bits ? page->huge_bits : process_geometry(p)->page_bits;
}

static uint64_t leaf_size(const struct node *n)
{
	struct vm_page page;
	struct vm_proc *p = leaf_of(n, &page);

	return p ? (uint64_t)1 << leaf_bits(p, &page) : 0;
}

static ssize_t leaf_read(const struct node *n, uint64_t at, void *to, size_t len, struct err *e)
{
	struct vm_page page;
	struct vm_proc *p = leaf_of(n, &page);
	uint64_t size;

	if (!p)
		return err_set(e, ESTALE, -1, "no page is mapped at 0x%" PRIx64 " any more", n->arg);
	size = (uint64_t)1 << leaf_bits(p, &page);
	if (at >= size)
		return 0;
	return (ssize_t)vm_ram_read(vm_proc_host(p), (page.pfn << process_geometry(p)->page_bits) + at, to,
				    (size_t)MIN(len, size - at));
}

static const struct bytes_ops leaf_bytes = { .size = leaf_size, .read = leaf_read };

/* Inode numbers of frames stay below those of all other nodes. PFN 0 cannot be one. */
static ino_t leaf_inode(const struct node *n, pfn_t pfn)
{
	const struct host *h = world_host(n, NULL);

	return (pfn ? pfn : (uint64_t)1 << 39) + ((uint64_t)(h ? h->number : 0) << 40);
}

static int leaf_attr(const struct node *n, struct stat *st)
{
	struct vm_page page;
	struct vm_proc *p = leaf_of(n, &page);
	mode_t mode = S_IRUSR;

	if (!p)
		return -ESTALE;
	if (page.flags & VM_PTE_WRITE)
		mode |= S_IWUSR;
	if (page.flags & VM_PTE_EXEC)
		mode |= S_IXUSR;
	if (page.flags & VM_PTE_USER)
		mode |= mode >> 3 | mode >> 6;
	st->st_mode = S_IFREG | mode;
	st->st_ino = leaf_inode(n, page.pfn);
	st->st_nlink = MAX(page.maps, 1);
	st->st_size = (off_t)1 << leaf_bits(p, &page);
	st->st_blocks = (st->st_size + 511) / 512;
	return 0;
}

/* From the directory of the link up to the host's. */
static int show_slot(const struct node *n, GString *out, struct err *e)
{
	struct vm_proc *p = process_alive(n, NULL);
	struct vm_page page;
	unsigned above;

	if (p)
		vm_page_at(p, n->arg, &page);
	if (!p || page.state != VM_PAGE_SWAPPED)
		return err_set(e, ESTALE, -1, "the page at 0x%" PRIx64 " is not in swap any more", n->arg);
	above = is_radix(process_geometry(p)) ? (unsigned)n->arg2 + 2 : 3;
	for (unsigned i = 0; i < above; i++)
		put_text(out, "../");
	g_string_append_printf(out, "swap/%u/slot/%" PRIu64, page.swap_area, page.slot);
	return 0;
}

static int directory_attr(const struct node *n, struct stat *st)
{
	struct vm_table_page t;

	return table_of(n, &t) ? 0 : -ESTALE;
}

const struct row pt_rows[] = {
	{ .name = ".table", .kind = ROW_TEXT, .mode = 0444, .flags = ROW_RAW, .show = show_table_bytes,
	  .help = "process-pt" },
	{ .name = ".entries", .kind = ROW_TABLE, .mode = 0444, .columns = entry_columns, .fill = fill_entries,
	  .help = "process-pt" },
	{ 0 }
};
static const struct row pt_directory = {
	.name = "table", .kind = ROW_DIRECTORY, .mode = 0555, .rows = pt_rows, .dynamic = &pt_ops,
	.attr = directory_attr, .help = "process-pt",
};
static const struct row pt_leaf = {
	.name = "page", .kind = ROW_BYTES, .mode = 0400, .bytes = &leaf_bytes, .attr = leaf_attr, .help = "process-pt",
};
static const struct row pt_swapped = {
	.name = "swapped", .kind = ROW_LINK, .mode = 0777, .show = show_slot, .help = "process-pt",
};
