/* check_table.c - page tables counted again: tables of tables, entries against frames and areas, the TLB, pokes. */
#include "check.h"
#include "hugetlb.h"
#include "inode.h"
#include "page.h"

#include <inttypes.h>

/* Tables. */

/* A frame may be looked at as a table; complains otherwise. */
static bool is_table(struct check *c, const struct mm *mm, pfn_t pfn, unsigned level)
{
	const struct frame *f = pfn < c->n ? frame_of(c->h, pfn) : NULL;

	if (f && f->use == VM_FRAME_TABLE && f->level == level)
		return true;
	check_wrong(c, "process %d: a page table of level %u names frame 0x%" PRIx64 ", which is none of level %u",
		    mm->owner->pid, level - 1, pfn, level);
	return false;
}

static uint64_t os_value(const struct vm_host *h, const struct mmu_format *f, pa_t at)
{
	const uint64_t *poked = h->poke_count ? poke_at(h, at) : NULL;

	return poked ? *poked : pte_load(f, h->ram + at);
}

static bool is_pointer(const struct mmu_format *f, uint64_t raw)
{
	return raw != 0 && (raw & f->valid) && !((raw ^ f->big_flip) & f->big_mask);
}

/* Counts a radix table and those below; returns the frames they take. Levels from 1, the root. */
static uint64_t count_tables(struct check *c, const struct mm *mm, pfn_t pfn, unsigned level)
{
	struct vm_host *h = c->h;
	const struct mmu_format *f = &h->mmu.format, format = *f; /* a copy, for the loop */
	uint64_t frames, entries = 0, last = f->index_mask[level - 1];
	struct frame *table;

	if (!is_table(c, mm, pfn, level))
		return 0;
	table = frame_of(h, pfn);
	frames = (uint64_t)1 << table->order;
	c->refs[pfn]++;
	if (c->maps[pfn]++ > 0)
		return frames;                           /* a shared leaf table, which has been looked at */
	for (uint64_t i = 0; i <= last; i++) {
		uint64_t raw = os_value(h, &format, (pfn << f->page_bits) + (i << f->pte_shift));

		if (raw == 0)
			continue;
		entries++;
		if (level < f->levels && is_pointer(f, raw))
			frames += count_tables(c, mm, raw >> f->ppn_shift & f->ppn_mask, level + 1);
	}
	if (entries != table->entries)
		check_wrong(c, "frame 0x%" PRIx64 " (table): %u entries counted, %" PRIu64 " found", pfn, table->entries,
			    entries);
	if (table->mm != mm && table->mm != NULL && table->sharers < 2)
		check_wrong(c, "frame 0x%" PRIx64 " (table) belongs to another process than %d", pfn, mm->owner->pid);
	return frames;
}

/* Leaf tables kept for huge leaves. */
static uint64_t count_deposit(struct check *c, const struct table *t)
{
	uint64_t frames = 0;

	for (uint32_t at = t->deposit; at && at <= c->n; at = frame_of(c->h, at - 1)->next) {
		c->refs[at - 1]++;
		frames += (uint64_t)1 << frame_of(c->h, at - 1)->order;
	}
	return frames;
}

static void count_root(struct check *c, const struct table *t)
{
	pfn_t pfn = (t->own - 1) >> c->h->geometry.page_bits;

	if (pfn >= c->n)
		return;
	c->refs[pfn]++;
	c->maps[pfn]++;
}

void check_tables(struct check *c, const struct mm *mm)
{
	const struct table *t = &mm->table;
	uint64_t frames, root;

	if (!t->own)
		return;
	if (!t->by_hand && t->base != t->own - 1)
		check_wrong(c, "process %d: the MMU walks from 0x%" PRIx64 ", the root is at 0x%" PRIx64, mm->owner->pid,
			    t->base, t->own - 1);
	switch (c->h->geometry.table) {
	case VM_TABLE_RADIX:
	case VM_TABLE_FLAT:
		root = (t->own - 1) >> c->h->geometry.page_bits;
		frames = count_tables(c, mm, root, 1) + count_deposit(c, t);
		if (frames && t->pages != frames - ((uint64_t)1 << frame_of(c->h, root)->order))
			check_wrong(c, "process %d: %" PRIu64 " page-table frames counted below the root, %" PRIu64 " found",
				    mm->owner->pid, t->pages, frames - ((uint64_t)1 << frame_of(c->h, root)->order));
		break;
	case VM_TABLE_HASHED:
		count_root(c, t);
		break;
	default:                                         /* the one inverted table: check_global_table() */
		break;
	}
}

void check_global_table(struct check *c)
{
	if (c->h->global_table && c->h->global_table->own)
		count_root(c, c->h->global_table);
}

/* Entries. */

struct entries {
	const struct mm *mm;
	struct area *area;         /* the first that ends above the page at hand */
	uint64_t anon, file, shmem, swapped, hugetlb;
};

static bool hangs_on(const struct area *a, const struct anon *n)
{
	for (const struct anon_link *l = a->links; l; l = l->next)
		if (l->anon == n)
			return true;
	return false;
}

/* The same for a part of a huge page from the pool. */
static bool belongs_to_pool(const struct vm_host *h, const struct area *a, va_t va, pfn_t pfn)
{
	pfn_t first = pfn & -((pfn_t)1 << frame_of(h, pfn)->order);
	const struct frame *f = frame_of(h, first);

	if (f->index + (pfn - first) != page_index(a, va))
		return false;
	return f->flags & FRAME_POOL_ANON ? hangs_on(a, f->anon) : f->inode == a->inode;
}

/* Does the frame belong where the entry says? */
static void check_owner(struct check *c, const struct area *a, vpn_t vpn, pfn_t pfn)
{
	const struct frame *f = frame_of(c->h, pfn);
	va_t va = vpn << c->h->geometry.page_bits;
	bool right = true;

	if (f->use == VM_FRAME_ANON)
		right = hangs_on(a, f->anon) && f->index == page_index(a, va);
	else if (f->use == VM_FRAME_FILE)
		right = a->inode == f->inode && f->index == page_index(a, va);
	else if (f->flags & FRAME_HUGETLB)
		right = area_is_hugetlb(a) && belongs_to_pool(c->h, a, va, pfn);
	else if (f->use == VM_FRAME_ZERO)
		right = frame_is_zero(c->h, pfn) && !a->inode;
	else
		right = false;
	if (!right)
		check_wrong(c, "process %d: 0x%" PRIx64 " maps frame 0x%" PRIx64 " (%s), which does not belong there",
			    a->mm->owner->pid, va, pfn, vm_frame_use_names[f->use]);
}

/* What may be written at once must be the process's own, or a file's page that counts as dirty. */
static void check_writable(struct check *c, const struct area *a, const struct span *s, vpn_t vpn, uint64_t raw)
{
	const struct vm_geometry *g = &c->h->geometry;
	const struct frame *f = frame_of(c->h, entry_number(g, raw));
	bool wrong = false;

	if (entry_kind(g, raw) != ENTRY_PRESENT || !geometry_has_write(g) || !(entry_flags(g, raw) & VM_PTE_WRITE))
		return;
	if (!(a->flags & VM_F_WRITE) || f->use == VM_FRAME_ZERO)
		wrong = true;
	else if (f->flags & FRAME_HUGETLB)
		wrong = !(a->flags & VM_F_SHARED) && frame_of(c->h, entry_number(g, raw) & -((pfn_t)1 << f->order))->maps > 1;
	else if (f->use == VM_FRAME_ANON)
		wrong = f->maps > 1 && !span_is_lent(c->h, s);
	else
		wrong = !(a->flags & VM_F_SHARED) || (area_wants_notify(a) && !(f->flags & FRAME_DIRTY));
	if (wrong)
		check_wrong(c, "process %d: 0x%" PRIx64 " can be written, but must not", a->mm->owner->pid,
			    vpn << g->page_bits);
}

static void count_frame(struct check *c, struct entries *n, const struct span *s, bool first, pfn_t pfn)
{
	const struct frame *f = frame_of(c->h, pfn);
	bool counted = s->sharers < 2 || (frame_of(c->h, s->table)->flags & TABLE_COUNTED);

	if (f->flags & FRAME_HUGETLB) {
		c->maps[pfn]++;
		n->hugetlb++;
		return;
	}
	c->refs[pfn] += first;
	c->maps[pfn] += first || counted;
	if (s->sharers > 1 && f->use != VM_FRAME_ZERO && (f->use != VM_FRAME_ANON || (!counted && f->maps != 1)))
		check_wrong(c, "frame 0x%" PRIx64 " must not be in a shared page table", pfn);
	if (f->use == VM_FRAME_ANON)
		n->anon++;
	else if (f->use == VM_FRAME_FILE)
		++*(f->flags & FRAME_SHMEM ? &n->shmem : &n->file);
}

/* One entry that is not none; `first`: its table has not been seen in another process. */
static void check_entry(struct check *c, struct entries *n, const struct span *s, vpn_t vpn, uint64_t raw, bool first)
{
	const struct vm_geometry *g = &c->h->geometry;
	enum entry_kind kind = entry_kind(g, raw);
	uint64_t number = entry_number(g, raw);
	va_t va = vpn << g->page_bits;

	while (n->area && n->area->end <= va)
		n->area = area_next(n->area);
	if (kind == ENTRY_NONSENSE || !n->area || n->area->start > va) {
		check_wrong(c, "process %d: the entry 0x%" PRIx64 " of 0x%" PRIx64 " %s", n->mm->owner->pid, raw, va,
			    kind == ENTRY_NONSENSE ? "makes no sense" : "is in no area");
	} else if (kind == ENTRY_SWAPPED) {
		n->swapped++;
		if (!check_slot(c, number))
			check_wrong(c, "process %d: 0x%" PRIx64 " is in swap slot %" PRIu64 ", which does not exist",
				    n->mm->owner->pid, va, number);
	} else if (number >= c->n) {
		check_wrong(c, "process %d: 0x%" PRIx64 " maps frame 0x%" PRIx64 ", which is in no use", n->mm->owner->pid, va,
			    number);
	} else {
		count_frame(c, n, s, first, number);
		check_owner(c, n->area, vpn, number);
		check_writable(c, n->area, s, vpn, raw);
	}
}

static void compare(struct check *c, const struct mm *mm, const char *what, uint64_t counted, uint64_t found)
{
	if (counted != found)
		check_wrong(c, "process %d: %" PRIu64 " %s pages counted, %" PRIu64 " found", mm->owner->pid, counted, what,
			    found);
}

/* The mark that a shared table has been gone through: the first process that comes by it takes its references. */
static bool is_first(struct check *c, const struct span *s)
{
	if (s->sharers < 2)
		return true;
	if (c->cached[s->table])
		return false;
	c->cached[s->table] = 1;
	return true;
}

void check_entries(struct check *c, const struct mm *mm)
{
	struct vm_host *h = c->h;
	struct entries n = { .mm = mm, .area = area_of(tree_first(&mm->areas)) };
	vpn_t limit = mm_top(h) >> h->geometry.page_bits;
	struct span s;

	for (vpn_t at = 0; at < limit; at += s.count) {
		table_span(&mm->table, at, limit, &s);
		if (!s.entry)
			continue;
		bool first = is_first(c, &s);

		for (uint64_t i = 0; i < s.count; i++) {
			uint64_t raw = span_entry(h, &s, at, i);

			if (raw != 0)
				check_entry(c, &n, &s, at + i, raw, first);
		}
	}
	compare(c, mm, "anonymous", mm->rss_anon, n.anon);
	compare(c, mm, "file", mm->rss_file, n.file);
	compare(c, mm, "shared memory", mm->rss_shmem, n.shmem);
	compare(c, mm, "swapped", mm->swapped, n.swapped);
	compare(c, mm, "hugetlb", mm->hugetlb, n.hugetlb);
}

/* The TLB. An entry that the page table does not bear out is stale: only pokes and a lesson's switch make such. */

static bool tlb_is_right(const struct vm_host *h, const struct mm *mm, const struct vm_tlb_entry *t)
{
	const struct vm_geometry *g = &h->geometry;
	struct span s;
	uint64_t raw;
	unsigned flags;

	table_span(&mm->table, t->vpn, t->vpn + 1, &s);
	raw = s.entry ? entry_os(h, &s, 0) : 0;
	if (raw == 0 || entry_kind(g, raw) != ENTRY_PRESENT)
		return false;
	flags = entry_flags(g, raw);
	if (span_is_lent(h, &s) && s.sharers > 1)
		flags &= ~(unsigned)VM_PTE_WRITE;
	if (t->flags & ~flags & (VM_PTE_WRITE | VM_PTE_EXEC | VM_PTE_USER))
		return false;
	return s.huge ? t->pfn - entry_number(g, raw) < (uint64_t)1 << s.huge_bits : t->pfn == entry_number(g, raw);
}

void check_tlb(struct check *c)
{
	struct vm_host *h = c->h;
	bool may_be_stale = h->poke_count > 0 || !h->config.flush_on_unmap;
	struct vm_tlb_entry t;

	for (uint64_t cursor = 0; vm_tlb_next(h, &cursor, &t);) {
		const struct mm *mm = g_hash_table_lookup(c->asids, GUINT_TO_POINTER(t.asid + 1));

		if (mm && (mm->table.by_hand || tlb_is_right(h, mm, &t)))
			continue;
		(may_be_stale ? check_poked : check_wrong)(c, "TLB set %u way %u: page 0x%" PRIx64 " of address space %u is "
							      "not in frame 0x%" PRIx64 " any more", t.set, t.way, t.vpn,
							   t.asid, t.pfn);
	}
}

static int by_address(const void *a, const void *b)
{
	const uint64_t *x = *(uint64_t *const *)a, *y = *(uint64_t *const *)b;

	return *x < *y ? -1 : *x > *y;
}

void check_pokes(struct check *c)
{
	struct vm_host *h = c->h;
	g_autoptr(GPtrArray) at = g_ptr_array_new();
	GHashTableIter it;
	gpointer key;

	g_hash_table_iter_init(&it, h->poked);
	while (g_hash_table_iter_next(&it, &key, NULL))
		g_ptr_array_add(at, key);
	if (at->len)
		qsort(at->pdata, at->len, sizeof *at->pdata, by_address);
	for (guint k = 0; k < at->len; k++) {
		pa_t pa = *(uint64_t *)g_ptr_array_index(at, k);

		check_poked(c, "the entry at 0x%" PRIx64 " is 0x%" PRIx64 ", was 0x%" PRIx64, pa,
			    pte_load(&h->mmu.format, h->ram + pa), *poke_at(h, pa));
		if (frame_of(h, pa >> h->geometry.page_bits)->use != VM_FRAME_TABLE)
			check_wrong(c, "the poked entry at 0x%" PRIx64 " is in no page table", pa);
	}
}
