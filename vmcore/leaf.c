/* leaf.c - leaf tables that fork has shared: used together, copied, taken back, given up. Counts are in page.h. */
#include "page.h"

static void not_counted(struct table *t, uint64_t raw)
{
}

static void leaf_span(const struct mm *mm, vpn_t vpn, struct span *s)
{
	uint64_t n = leaf_pages(mm->host);
	vpn_t first = vpn & ~(n - 1);

	table_span(&mm->table, first, first + n, s);
}

/* Calls for each frame that the leaf table names. */
static void leaf_frames(struct vm_host *h, const struct span *s, uint32_t more_refs, uint32_t more_maps)
{
	for (uint64_t i = 0; i < s->count; i++) {
		uint64_t raw = entry_os(h, s, i);
		struct frame *f;

		if (!entry_names_frame(&h->geometry, raw))
			continue;
		f = frame_of(h, entry_number(&h->geometry, raw));
		f->refs += more_refs;
		f->maps += more_maps;
		f->flags &= ~FRAME_EXCLUSIVE;
	}
}

void leaf_count(struct vm_host *h, struct span *leaf)
{
	struct frame *t = span_table(h, leaf);

	if (leaf->sharers < 2 || (t->flags & TABLE_COUNTED))
		return;
	leaf_frames(h, leaf, 0, leaf->sharers - 1);
	t->flags |= TABLE_COUNTED | TABLE_MIXED;
}

/* The last user takes a table back: fork had made each page read-only, which is now for the entries to say. */
static void leaf_taken_back(struct mm *mm, vpn_t first, struct span *s)
{
	struct vm_host *h = mm->host;

	for (uint64_t i = 0; i < s->count; i++) {
		uint64_t raw = entry_os(h, s, i);

		if (!entry_names_frame(&h->geometry, raw))
			continue;
		frame_of(h, entry_number(&h->geometry, raw))->flags &= ~FRAME_EXCLUSIVE;
		if (entry_kind(&h->geometry, raw) == ENTRY_PRESENT)
			page_set_flags(mm, first, s, i, raw, 0, VM_PTE_WRITE);
	}
	span_table(h, s)->flags &= ~(TABLE_SHARED | TABLE_COUNTED);
}

int leaf_own(struct mm *mm, vpn_t vpn, struct err *e)
{
	struct vm_host *h = mm->host;
	struct span old, own;
	uint32_t users;
	int r;

	if (leaf_pages(h) == 0)
		return 0;
	leaf_span(mm, vpn, &old);
	if (!span_is_lent(h, &old) || old.huge)
		return 0;
	users = old.sharers;
	r = table_unshare_leaf(&mm->table, vpn, not_counted, e);
	if (r < 0)
		return r;
	leaf_span(mm, vpn, &own);
	if (users == 1) {
		leaf_taken_back(mm, vpn & ~(leaf_pages(h) - 1), &own);
		return 0;
	}
	span_mark(h, &own, TABLE_MIXED | (span_table(h, &old)->flags & TABLE_ZEROS));
	leaf_frames(h, &old, 1, span_table(h, &old)->flags & TABLE_COUNTED ? 0 : users - 1);
	span_mark(h, &old, TABLE_MIXED | (users > 2 ? TABLE_COUNTED : 0));
	if (users == 2)
		span_table(h, &old)->flags &= ~TABLE_COUNTED;
	return 0;
}

bool leaf_is_plain_again(struct vm_host *h, struct span *s)
{
	const struct vm_geometry *g = &h->geometry;

	for (uint64_t i = 0; i < s->count; i++) {
		uint64_t raw = entry_os(h, s, i);
		enum entry_kind kind = raw ? entry_kind(g, raw) : ENTRY_NONE;
		const struct frame *f;

		if (kind == ENTRY_NONE)
			continue;
		if (kind != ENTRY_PRESENT && kind != ENTRY_PROTNONE)
			return false;
		f = frame_of(h, entry_number(g, raw));
		if (f->use == VM_FRAME_ZERO)
			continue;
		if (f->use != VM_FRAME_ANON || f->maps != 1 ||
		    (f->flags & (FRAME_DIRTY | FRAME_SWAPCACHE | FRAME_LAZYFREE | FRAME_HUGE_HEAD | FRAME_HUGE_TAIL)))
			return false;
	}
	span_table(h, s)->flags &= ~TABLE_MIXED;
	return true;
}

/* Entries of a shared leaf table that count in rss: a shared table holds nothing but anonymous frames and the zero frame. */
static uint64_t leaf_rss(struct vm_host *h, const struct span *s)
{
	const struct frame *t = span_table(h, s);
	uint64_t n = t->entries;

	if (t->flags & TABLE_ZEROS)
		for (uint64_t i = 0; i < s->count; i++) {
			uint64_t raw = entry_os(h, s, i);

			n -= raw && entry_names_frame(&h->geometry, raw) && entry_number(&h->geometry, raw) == h->zero_frame;
		}
	return n;
}

void leaf_drop(struct mm *mm, vpn_t vpn)
{
	struct vm_host *h = mm->host;
	struct span s;
	struct frame *t;

	leaf_span(mm, vpn, &s);
	t = span_table(h, &s);
	mm->rss_anon -= leaf_rss(h, &s);
	if (t->flags & TABLE_COUNTED)
		leaf_frames(h, &s, 0, UINT32_MAX);      /* one less */
	if (s.sharers == 2)
		t->flags &= ~TABLE_COUNTED;
	table_drop_leaf(&mm->table, vpn);
}

int pages_own(struct mm *mm, va_t start, va_t end, bool whole, struct err *e)
{
	struct vm_host *h = mm->host;
	vpn_t first = vpn_of(h, start), last = vpn_of(h, end);
	uint64_t n = leaf_pages(h);
	struct span s;

	if (n == 0)
		return 0;
	for (vpn_t at = first; at < last; at += s.count) {
		table_span(&mm->table, at, last, &s);
		if (s.huge && s.count < (uint64_t)1 << s.huge_bits && huge_split(mm, at, e) < 0)
			return -ENOMEM;
		if (s.huge || !span_is_shared(&s) || (!whole && s.count == n))
			continue;
		if (leaf_own(mm, at, e) < 0)
			return -ENOMEM;
	}
	return 0;
}

void leaf_drop_area(struct area *a)
{
	struct mm *mm = a->mm;
	struct vm_host *h = mm->host;
	vpn_t last = vpn_of(h, a->end);
	uint64_t mask = leaf_pages(h) - 1, entries = 0;
	struct span s;

	for (vpn_t at = vpn_of(h, a->start); at < last; at += s.count) {
		s.count = at & mask ? 0 : table_drop_run(&mm->table, at, last, TABLE_COUNTED | TABLE_ZEROS | TABLE_POKED,
							 &entries);
		if (s.count > 0)
			continue;
		table_span(&mm->table, at, last, &s);
		if (span_is_shared(&s))
			leaf_drop(mm, at);
	}
	mm->rss_anon -= entries;
}
