/*
 * table_share.c - leaf tables that several address spaces name: lent out one by one or in runs, copied, given up.
 * The rules are those of table_radix.c: all entries that name such a table forbid writing, and its frame's mm is NULL.
 */
#include "radix.h"

bool table_can_share(const struct vm_host *h)
{
	const struct vm_geometry *g = &h->geometry;

	return g->table == VM_TABLE_RADIX && g->levels > 1 && g->upper_permissions && geometry_has_write(g) &&
	       h->config.share_tables;
}

/* The upper entry that names vpn's leaf table; false where there is none. */
static bool leaf_place(const struct table *t, vpn_t vpn, struct place *p)
{
	const struct mmu_format *f = format_of(t);

	return t->own && f->levels > 1 && descend(t, vpn, f->levels - 2, p) == f->levels - 2 && p->value != 0 &&
	       !is_huge(f, p->value);
}

int table_share_leaf(struct table *dst, struct table *src, vpn_t vpn, struct err *e)
{
	struct vm_host *h = src->host;
	const struct vm_geometry *g = &h->geometry;
	struct place from, to;
	unsigned stopped;
	struct frame *f;

	if (!leaf_place(src, vpn, &from))
		return 0;
	if (table_root(dst, e) || radix_reach(dst, vpn, g->levels - 2, &to, &stopped, e))
		return -ENOMEM;

	/* Everything is there: from here on nothing fails. */
	assert(to.value == 0);
	f = frame_of(h, pointer_pfn(&h->mmu.format, from.value));
	if (f->sharers++ == 1) {
		h->shared_tables++;
		place_set(h, &from, entry_with_flags(g, from.value, 0, VM_PTE_WRITE));
	}
	f->refs++;
	f->mm = NULL;
	place_set(h, &to, entry_with_flags(g, from.value, 0, VM_PTE_WRITE | VM_PTE_ACCESSED));
	dst->pages += (uint64_t)1 << f->order;
	return 0;
}

/* Upper entries as an array; NULL unless they are of 8 bytes, in this machine's order, and none is poked. */
static uint64_t *upper_array(const struct vm_host *h, const struct place *p)
{
	const struct mmu_format *f = &h->mmu.format;
	bool wide = f->pte_shift == 3 && !f->big_endian && G_BYTE_ORDER == G_LITTLE_ENDIAN;

	return wide && !(frame_of(h, p->table)->flags & TABLE_POKED) ? (uint64_t *)(void *)(h->ram + p->at) : NULL;
}

enum { AHEAD = 16 };     /* entries whose frames are fetched in advance */

/* How many entries from p on lie in its table and translate only pages below `end`. */
static uint64_t run_length(const struct mmu_format *f, const struct place *p, vpn_t vpn, vpn_t end)
{
	unsigned upper = f->levels - 2;
	uint64_t left = (f->index_mask[upper] + 1) - (vpn >> below(f, upper) & f->index_mask[upper]);

	return MIN(left, (end - vpn) >> below(f, upper));
}

uint64_t table_share_run(struct table *dst, struct table *src, vpn_t vpn, vpn_t end, uint32_t refuse, uint32_t mark,
			 uint64_t *entries, struct err *e)
{
	struct vm_host *h = src->host;
	const struct mmu_format *f = &h->mmu.format;
	unsigned upper = f->levels - 2, stopped;
	const uint64_t write = f->write, accessed = f->upper_accessed;
	const bool denied = f->flip & f->write;
	uint64_t *from, *to, n, i, filled = 0, fresh = 0, sum = 0;
	struct frame *frames = h->frames;
	struct place a, b;

	if (!src->own || descend(src, vpn, upper, &a) != upper || !(from = upper_array(h, &a)))
		return 0;
	n = run_length(f, &a, vpn, end);
	if (n < 2 || table_root(dst, e) || radix_reach(dst, vpn, upper, &b, &stopped, e) || !(to = upper_array(h, &b)))
		return 0;
	for (i = 0; i < n; i++) {
		uint64_t raw = from[i];
		struct frame *leaf;

		if (i + AHEAD < n)
			__builtin_prefetch(frames + pointer_pfn(f, from[i + AHEAD]), 1);
		if (raw == 0)
			continue;
		leaf = frames + pointer_pfn(f, raw);
		if (to[i] != 0 || is_huge(f, raw) || (leaf->flags & refuse) || leaf->order != 0)
			break;
		raw = denied ? raw & ~write : raw | write;
		from[i] = raw;
		to[i] = raw & ~accessed;
		fresh += leaf->sharers++ == 1;
		leaf->refs++;
		leaf->mm = NULL;
		leaf->flags |= mark;
		sum += leaf->entries;
		filled++;
	}
	h->shared_tables += fresh;
	*entries += sum;
	frame_of(h, b.table)->entries += (uint32_t)filled;
	dst->pages += filled;
	return i << below(f, upper);
}

uint64_t table_drop_run(struct table *t, vpn_t vpn, vpn_t end, uint32_t refuse, uint64_t *entries)
{
	struct vm_host *h = t->host;
	const struct mmu_format *f = &h->mmu.format;
	unsigned upper = f->levels - 2;
	uint64_t *at, n, i, dropped = 0;
	struct place p;

	if (!t->own || descend(t, vpn, upper, &p) != upper || !(at = upper_array(h, &p)))
		return 0;
	n = run_length(f, &p, vpn, end);
	for (i = 0; i < n; i++) {
		uint64_t raw = at[i];
		struct frame *leaf;

		if (i + AHEAD < n)
			__builtin_prefetch(frame_of(h, pointer_pfn(f, at[i + AHEAD])), 1);
		if (raw == 0)
			continue;
		leaf = frame_of(h, pointer_pfn(f, raw));
		if (is_huge(f, raw) || (leaf->flags & refuse) || leaf->order != 0 || leaf->sharers < 2)
			break;
		at[i] = 0;
		h->shared_tables -= --leaf->sharers == 1;
		leaf->refs--;
		*entries += leaf->entries;
		dropped++;
	}
	frame_of(h, p.table)->entries -= (uint32_t)dropped;
	t->pages -= dropped;
	return i << below(f, upper);
}

/* The copy of entry i goes into the fresh table; both become read-only if present. */
static void unshare_entry(struct table *t, struct span *old, struct span *copy, uint64_t i)
{
	struct vm_host *h = t->host;
	const struct vm_geometry *g = &h->geometry;
	pa_t at = old->at + (i << h->mmu.format.pte_shift);
	uint64_t *poked = old->poked ? poke_at(h, at) : NULL;
	uint64_t raw = poked ? *poked : entry_raw(h, old, i);

	if (raw == 0)
		return;
	if (entry_kind(g, raw) == ENTRY_PRESENT) {
		if (h->known)
			entry_unknown(h, raw);           /* some formats have no other sign of a dirty page */
		raw = entry_with_flags(g, raw, 0, VM_PTE_WRITE);
		if (poked)
			*poked = raw;
		else
			pte_store(&h->mmu.format, h->ram + at, raw);
	}
	pte_store(&h->mmu.format, copy->entry + (i << h->mmu.format.pte_shift), raw);
}

/* t is the only one left: it may write again. */
static void become_owner(struct table *t, struct place *p, struct frame *f)
{
	f->mm = t->mm;
	place_set(t->host, p, entry_with_flags(&t->host->geometry, p->value, VM_PTE_WRITE, 0));
}

int table_unshare_leaf(struct table *t, vpn_t vpn, void (*copied)(struct table *t, uint64_t raw), struct err *e)
{
	struct vm_host *h = t->host;
	uint64_t n = h->mmu.format.index_mask[h->mmu.format.levels - 1] + 1;
	struct place p, from = { 0 }, to = { 0 };
	struct span old = { 0 }, copy = { 0 };
	struct frame *f, *mine;
	pfn_t pfn;

	if (!leaf_place(t, vpn, &p))
		return 0;
	f = frame_of(h, pointer_pfn(&h->mmu.format, p.value));
	if (f->sharers == 1) {
		if (f->mm == NULL || !(entry_flags(&h->geometry, p.value) & VM_PTE_WRITE))
			become_owner(t, &p, f);
		return 0;
	}
	pfn = radix_table_new(t, h->mmu.format.levels - 1, vpn);
	if (pfn == PFN_NONE)
		return radix_no_frame(h, h->mmu.format.levels - 1, e);

	/* Everything is there: from here on nothing fails. */
	mine = frame_of(h, pfn);
	from.table = pointer_pfn(&h->mmu.format, p.value);
	from.at = from.table << h->geometry.page_bits;
	to.table = pfn;
	to.at = pfn << h->geometry.page_bits;
	span_fill(t, &from, n, &old);
	span_fill(t, &to, n, &copy);
	for (uint64_t i = 0; i < n; i++)
		unshare_entry(t, &old, &copy, i);
	mine->entries = f->entries;
	mine->flags |= TABLE_MIXED;
	f->flags |= TABLE_MIXED;
	if (--f->sharers == 1)
		h->shared_tables--;
	f->refs--;
	place_set(h, &p, radix_pointer_to(&h->geometry, pfn));
	for (uint64_t i = 0; copied && i < n; i++)
		if (entry_raw(h, &copy, i))
			copied(t, entry_raw(h, &copy, i));
	return 0;
}

void table_drop_leaf(struct table *t, vpn_t vpn)
{
	struct place p;

	if (!leaf_place(t, vpn, &p))
		return;
	assert(frame_of(t->host, pointer_pfn(format_of(t), p.value))->sharers > 1);
	radix_unhook(t, &p);
}
