/* smaps.c - smaps, smaps_rollup and numa_maps: what the pages of each area come to. */
#include "process.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

/*
 * A block of rows is copied from a template that holds zeros, and the digits are written over them: most values
 * are 0, and a block has more than twenty rows.
 */
enum { ROWS_MAX = 24, VALUE_WIDTH = 8 };

struct block {
	char   text[ROWS_MAX * 32];
	size_t len;
	size_t end[ROWS_MAX];  /* offset just behind the value of each row */
	unsigned rows;
};

static void block_init(struct block *b, const char *const *names)
{
	b->len = 0;
	for (b->rows = 0; names[b->rows]; b->rows++) {
		g_assert(b->rows < ROWS_MAX);
		b->len += (size_t)snprintf(b->text + b->len, sizeof(b->text) - b->len, "%-16s%*d kB\n",
					   names[b->rows], VALUE_WIDTH, 0);
		b->end[b->rows] = b->len - strlen(" kB\n");
	}
}

static void put_rows_wide(GString *out, const char *const *names, const uint64_t *kb)
{
	for (unsigned i = 0; names[i]; i++)
		g_string_append_printf(out, "%-16s%*" PRIu64 " kB\n", names[i], VALUE_WIDTH, kb[i]);
}

static void put_block(GString *out, const struct block *b, const char *const *names, const uint64_t *kb)
{
	size_t start = out->len;

	for (unsigned i = 0; i < b->rows; i++) {
		if (kb[i] > 99999999) {
			put_rows_wide(out, names, kb);
			return;
		}
	}
	g_string_append_len(out, b->text, (gssize)b->len);
	for (unsigned i = 0; i < b->rows; i++) {
		char *digit = out->str + start + b->end[i];

		for (uint64_t v = kb[i]; v; v /= 10)
			*--digit = (char)('0' + v % 10);
	}
}

/* Bytes to kB, rounded up for pages smaller than that; shares (bytes << 12) down, as the kernel does. */
static uint64_t kb(uint64_t bytes)
{
	return (bytes + 1023) >> 10;
}

static uint64_t share_kb(uint64_t share)
{
	return share >> 22;
}

static const char *const area_names[] = {
	"Size:", "KernelPageSize:", "MMUPageSize:", "Rss:", "Pss:", "Pss_Dirty:", "Shared_Clean:", "Shared_Dirty:",
	"Private_Clean:", "Private_Dirty:", "Referenced:", "Anonymous:", "LazyFree:", "AnonHugePages:",
	"ShmemPmdMapped:", "FilePmdMapped:", "Shared_Hugetlb:", "Private_Hugetlb:", "Swap:", "SwapPss:", "Locked:",
	NULL
};
static const char *const rollup_names[] = {
	"Rss:", "Pss:", "Pss_Dirty:", "Pss_Anon:", "Pss_File:", "Pss_Shmem:", "Shared_Clean:", "Shared_Dirty:",
	"Private_Clean:", "Private_Dirty:", "Referenced:", "Anonymous:", "LazyFree:", "AnonHugePages:",
	"ShmemPmdMapped:", "FilePmdMapped:", "Shared_Hugetlb:", "Private_Hugetlb:", "Swap:", "SwapPss:", "Locked:",
	NULL
};

/* The rows that both have in common, from Shared_Clean on. */
static uint64_t *usage_tail(uint64_t *v, const struct vm_usage *u)
{
	*v++ = kb(u->shared_clean);
	*v++ = kb(u->shared_dirty);
	*v++ = kb(u->private_clean);
	*v++ = kb(u->private_dirty);
	*v++ = kb(u->referenced);
	*v++ = kb(u->anonymous);
	*v++ = kb(u->lazyfree);
	*v++ = kb(u->anon_huge);
	*v++ = kb(u->shmem_pmd);
	*v++ = kb(u->file_pmd);
	*v++ = kb(u->shared_hugetlb);
	*v++ = kb(u->private_hugetlb);
	*v++ = kb(u->swap);
	*v++ = share_kb(u->swap_pss);
	*v++ = share_kb(u->pss_locked);
	return v;
}

static void area_values(uint64_t *v, const struct vm_area *a, const struct vm_usage *u, uint64_t page)
{
	uint64_t *start = v;

	*v++ = kb(a->end - a->start);
	*v++ = kb(u->page_size ? u->page_size : page);
	*v++ = kb(u->page_size ? u->page_size : page);
	*v++ = kb(u->rss);
	*v++ = share_kb(u->pss);
	*v++ = share_kb(u->pss_dirty);
	v = usage_tail(v, u);
	g_assert(v - start == G_N_ELEMENTS(area_names) - 1);
}

static void rollup_values(uint64_t *v, const struct vm_usage *u)
{
	uint64_t *start = v;

	*v++ = kb(u->rss);
	*v++ = share_kb(u->pss);
	*v++ = share_kb(u->pss_dirty);
	*v++ = share_kb(u->pss_anon);
	*v++ = share_kb(u->pss_file);
	*v++ = share_kb(u->pss_shmem);
	v = usage_tail(v, u);
	g_assert(v - start == G_N_ELEMENTS(rollup_names) - 1);
}

/* In the order of Linux's VM_ bits, not of ours. */
static const struct { uint32_t flag; char name[4]; } flag_names[] = {
	{ VM_F_READ, "rd " }, { VM_F_WRITE, "wr " }, { VM_F_EXEC, "ex " }, { VM_F_SHARED, "sh " },
	{ VM_F_MAYREAD, "mr " }, { VM_F_MAYWRITE, "mw " }, { VM_F_MAYEXEC, "me " }, { VM_F_MAYSHARE, "ms " },
	{ VM_F_GROWSDOWN, "gd " }, { VM_F_LOCKED, "lo " }, { VM_F_SEQ_READ, "sr " }, { VM_F_RAND_READ, "rr " },
	{ VM_F_DONTCOPY, "dc " }, { VM_F_DONTEXPAND, "de " }, { VM_F_LOCKONFAULT, "lf " }, { VM_F_ACCOUNT, "ac " },
	{ VM_F_NORESERVE, "nr " }, { VM_F_HUGETLB, "ht " }, { VM_F_WIPEONFORK, "wf " }, { VM_F_DONTDUMP, "dd " },
	{ VM_F_HUGEPAGE, "hg " }, { VM_F_NOHUGEPAGE, "nh " }, { VM_F_MERGEABLE, "mg " },
};

static void put_flags(GString *out, uint32_t flags)
{
	put_text(out, "VmFlags: ");
	for (size_t i = 0; i < G_N_ELEMENTS(flag_names); i++) {
		if (flags & flag_names[i].flag)
			g_string_append_len(out, flag_names[i].name, 3);
	}
	put_char(out, '\n');
}

int show_smaps(const struct node *n, GString *out, struct err *e)
{
	struct vm_proc *p = world_proc(n, e);
	const struct vm_area *a;
	struct area_reader r;
	struct block b;
	uint64_t page;

	if (!p)
		return -e->code;
	if (!process_alive(n, NULL))
		return 0;
	page = vm_page_size(process_geometry(p));
	block_init(&b, area_names);
	area_reader_init(&r, n, p);
	while ((a = area_reader_next(&r))) {
		struct vm_usage u = { 0 };
		uint64_t value[ROWS_MAX];

		if (!(a->flags & VM_F_ONLY_SHOWN))
			vm_usage_area(p, a->start, &u);
		put_area(out, &r, a);
		area_values(value, a, &u, page);
		put_block(out, &b, area_names, value);
		put_text(out, "THPeligible:    ");
		put_dec_width(out, u.thp_eligible, VALUE_WIDTH);
		put_char(out, '\n');
		put_flags(out, a->flags);
	}
	area_reader_clear(&r);
	return 0;
}

int show_smaps_rollup(const struct node *n, GString *out, struct err *e)
{
	struct vm_proc *p = world_proc(n, e);
	struct vm_usage sum = { 0 };
	uint64_t value[ROWS_MAX];
	const struct vm_area *a;
	struct area_reader r;
	va_t start = 0, end = 0;
	struct block b;
	size_t line = out->len;

	if (!p)
		return -e->code;
	if (!process_alive(n, NULL))
		return 0;
	area_reader_init(&r, n, p);
	while ((a = area_reader_next(&r))) {
		if (a->flags & VM_F_ONLY_SHOWN)
			continue;
		if (!end)
			start = a->start;
		end = a->end;
		vm_usage_area(p, a->start, &sum);
	}
	area_reader_clear(&r);
	put_hex_width(out, start, 8);
	put_char(out, '-');
	put_hex_width(out, end, 8);
	put_text(out, " ---p 00000000 00:00 0 ");
	put_pad(out, line, 73);
	put_text(out, "[rollup]\n");
	block_init(&b, rollup_names);
	rollup_values(value, &sum);
	put_block(out, &b, rollup_names, value);
	return 0;
}

/* numa_maps escapes what would break its NAME=VALUE words. */
static void put_numa_path(GString *out, const char *path)
{
	for (; *path; path++) {
		if (strchr("\n\t= ", *path))
			g_string_append_printf(out, "\\%03o", (unsigned char)*path);
		else
			put_char(out, *path);
	}
}

static void put_count(GString *out, const char *name, uint64_t value)
{
	put_text(out, name);
	put_dec(out, value);
}

static void put_numa(GString *out, const struct vm_numa *c, uint64_t page)
{
	if (!c->pages)
		return;
	if (c->anon)
		put_count(out, " anon=", c->anon);
	if (c->dirty)
		put_count(out, " dirty=", c->dirty);
	if (c->pages != c->anon && c->pages != c->dirty)
		put_count(out, " mapped=", c->pages);
	if (c->mapmax > 1)
		put_count(out, " mapmax=", c->mapmax);
	if (c->swapcache)
		put_count(out, " swapcache=", c->swapcache);
	put_count(out, " N0=", c->pages);
	put_count(out, " kernelpagesize_kB=", kb(page));
}

int show_numa_maps(const struct node *n, GString *out, struct err *e)
{
	struct vm_proc *p = world_proc(n, e);
	const struct vm_area *a;
	struct area_reader r;

	if (!p)
		return -e->code;
	if (!process_alive(n, NULL))
		return 0;
	area_reader_init(&r, n, p);
	while ((a = area_reader_next(&r))) {
		struct vm_numa c = { 0 };

		if (a->flags & VM_F_ONLY_SHOWN)
			continue;
		vm_numa_area(p, a->start, &c);
		put_hex_width(out, a->start, 8);
		put_text(out, " default");
		if (a->inode) {
			put_text(out, " file=");
			put_numa_path(out, area_label(&r, a));
		} else if (a->heap) {
			put_text(out, " heap");
		} else if (a->stack) {
			put_text(out, " stack");
		}
		if (a->flags & VM_F_HUGETLB)
			put_text(out, " huge");
		put_numa(out, &c, c.page_size);
		put_char(out, '\n');
	}
	area_reader_clear(&r);
	return 0;
}
