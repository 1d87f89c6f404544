/*
 * check.c - an fsck of the host: everything that is counted is counted again.
 *
 * The parts are gone through in an order in which the referring comes before what is referred to: processes with
 * their areas, entries and descriptors; files with their pages; then frames, slots, anons and descriptions are
 * compared with what was found to refer to them.
 */
#include "check.h"
#include "file.h"
#include "hugetlb.h"
#include "paging.h"
#include "reclaim.h"

#include <inttypes.h>
#include <string.h>

enum { LINES_CHECKED = 4096 /* frames */ };

void check_wrong(struct check *c, const char *fmt, ...)
{
	va_list args;
	g_autofree char *line = NULL;

	va_start(args, fmt);
	line = g_strdup_vprintf(fmt, args);
	va_end(args);
	c->found++;
	if (c->report)
		c->report(c->arg, false, line);
}

bool check_slot(struct check *c, uint64_t slot)
{
	struct swap_area *a = slot < SWAP_NONE ? swap_area_of(c->h->swap, (uint32_t)slot) : NULL;

	if (!a || slot - a->first >= a->top)
		return false;
	c->slots[a->number][slot - a->first]++;
	return true;
}

void check_poked(struct check *c, const char *fmt, ...)
{
	va_list args;
	g_autofree char *line = NULL;

	va_start(args, fmt);
	line = g_strdup_vprintf(fmt, args);
	va_end(args);
	if (c->report)
		c->report(c->arg, true, line);
}

struct seen *check_seen(GHashTable *t, const void *what)
{
	struct seen *s = g_hash_table_lookup(t, what);

	if (!s) {
		s = g_new0(struct seen, 1);
		g_hash_table_insert(t, (gpointer)what, s);
	}
	return s;
}

/* The references that a frame must have besides those of entries. */
static uint32_t other_refs(const struct frame *f)
{
	return f->use == VM_FRAME_FILE || f->use == VM_FRAME_ZERO || (f->flags & FRAME_SWAPCACHE);
}

bool frame_is_zero(const struct vm_host *h, pfn_t pfn)
{
	return pfn == h->zero_frame ||
	       (h->huge_zero != PFN_NONE && pfn - h->huge_zero < (uint64_t)1 << table_huge_order(h));
}

static void check_page_frame(struct check *c, pfn_t pfn, const struct frame *f)
{
	const char *use = vm_frame_use_names[f->use];

	if (f->refs != c->refs[pfn] + other_refs(f))
		check_wrong(c, "frame 0x%" PRIx64 " (%s): %u references counted, %u found", pfn, use, f->refs,
			    c->refs[pfn] + other_refs(f));
	if (f->maps != c->maps[pfn])
		check_wrong(c, "frame 0x%" PRIx64 " (%s): %u mappings counted, %u found", pfn, use, f->maps,
			    c->maps[pfn]);
	if (f->use == VM_FRAME_FILE && !c->cached[pfn])
		check_wrong(c, "frame 0x%" PRIx64 " is of a file whose page cache does not have it", pfn);
	if (f->use == VM_FRAME_ZERO && !frame_is_zero(c->h, pfn))
		check_wrong(c, "frame 0x%" PRIx64 " is a second zero frame", pfn);
	if (f->use == VM_FRAME_ANON && !f->anon && (f->maps > 0 || !(f->flags & FRAME_SWAPCACHE)))
		check_wrong(c, "frame 0x%" PRIx64 " is anonymous but belongs to no anon", pfn);
	else if (f->use == VM_FRAME_ANON && f->anon)
		check_seen(c->anons, f->anon)->refs++;
	if ((f->flags & FRAME_SWAPCACHE) && (!swap_area_of(c->h->swap, f->slot) || swap_cached(c->h->swap, f->slot) != pfn))
		check_wrong(c, "frame 0x%" PRIx64 " says that it caches swap slot %u, which names another", pfn, f->slot);
}

static void check_table_frame(struct check *c, pfn_t pfn, const struct frame *f)
{
	bool head = (pfn & (((pfn_t)1 << f->order) - 1)) == 0;

	if (f->refs != (head ? c->refs[pfn] : 0))
		check_wrong(c, "frame 0x%" PRIx64 " (table): %u references counted, %u found", pfn, f->refs,
			    head ? c->refs[pfn] : 0);
	if (head && f->sharers != c->maps[pfn])
		check_wrong(c, "frame 0x%" PRIx64 " (table): used by %u processes, not %u", pfn, c->maps[pfn], f->sharers);
}

/* Of a page of the pool the first frame counts for all, which the same entries map. */
static void check_pool_frame(struct check *c, pfn_t pfn, const struct frame *f)
{
	pfn_t first = pfn & -((pfn_t)1 << f->order);

	if (frame_of(c->h, first)->maps != c->maps[pfn])
		check_wrong(c, "frame 0x%" PRIx64 " (hugetlb): %u mappings counted, %u found", pfn, frame_of(c->h, first)->maps,
			    c->maps[pfn]);
	if (f->flags & FRAME_POOL_ANON)
		check_seen(c->anons, f->anon)->refs++;
}

static void check_frame(struct check *c, pfn_t pfn)
{
	const struct frame *f = frame_of(c->h, pfn);

	if (frame_is_free(c->h, pfn) != (f->use == VM_FRAME_FREE))
		check_wrong(c, "frame 0x%" PRIx64 " is %s, but the free list says otherwise", pfn,
			    f->use < VM_FRAME_USES ? vm_frame_use_names[f->use] : "of no known use");
	switch (f->use) {
	case VM_FRAME_FREE:
		if (f->refs || f->maps || c->refs[pfn])
			check_wrong(c, "frame 0x%" PRIx64 " is free, but has %u references and %u were found", pfn, f->refs,
				    c->refs[pfn]);
		break;
	case VM_FRAME_TABLE:
		check_table_frame(c, pfn, f);
		break;
	case VM_FRAME_ANON:
	case VM_FRAME_FILE:
	case VM_FRAME_ZERO:
		check_page_frame(c, pfn, f);
		break;
	case VM_FRAME_KERNEL:
		if (f->flags & FRAME_HUGETLB)
			check_pool_frame(c, pfn, f);
		break;
	}
}

/* Bytes of a page that are other than zeros although its lines are not marked. */
static bool lines_wrong(const uint8_t *bytes, uint64_t lines, unsigned page_bits)
{
	uint64_t left = ~lines & lines_all(page_bits);
	unsigned bits = line_bits(page_bits), first, n;

	while (left) {
		const uint8_t *at;

		n = lines_run(&left, &first);
		at = bytes + ((size_t)first << bits);
		if (*at || memcmp(at, at + 1, ((size_t)n << bits) - 1) != 0)
			return true;
	}
	return false;
}

/* Of a small RAM all that was used: of a large one, what lies where nothing was ever stored is not made to exist by looking at it. */
static void check_lines(struct check *c)
{
	const struct vm_host *h = c->h;

	for (pfn_t pfn = 0; pfn < c->n; pfn++)
		if ((h->lines[pfn] || c->n <= LINES_CHECKED) && lines_wrong(frame_bytes(h, pfn), h->lines[pfn], h->geometry.page_bits))
			check_wrong(c, "frame 0x%" PRIx64 " has bytes where none were stored", pfn);
}

static void compare(struct check *c, const char *what, uint64_t counted, uint64_t found)
{
	if (counted != found)
		check_wrong(c, "%s: %" PRIu64 " counted, %" PRIu64 " found", what, counted, found);
}

static void part_is_wrong(void *c, const char *why)
{
	check_wrong(c, "%s", why);
}

static void check_frames(struct check *c)
{
	const struct vm_host *h = c->h;
	uint64_t by_use[VM_FRAME_USES] = { 0 }, locked = 0, user = 0, shared = 0;

	for (pfn_t pfn = 0; pfn < c->n; pfn++) {
		const struct frame *f = frame_of(h, pfn);

		check_frame(c, pfn);
		if (f->use < VM_FRAME_USES)
			by_use[f->use]++;
		locked += (f->flags & FRAME_LOCKED) != 0;
		user += (f->flags & FRAME_USER) != 0;
		shared += f->use == VM_FRAME_TABLE && f->sharers > 1;
	}
	by_use[VM_FRAME_FREE] += h->frame_count - c->n;
	for (unsigned u = 0; u < VM_FRAME_USES; u++)
		compare(c, vm_frame_use_names[u], h->frames_by_use[u], by_use[u]);
	compare(c, "free frames", h->frames_free, by_use[VM_FRAME_FREE]);
	compare(c, "locked frames", h->mlocked, locked);
	compare(c, "frames of processes", h->user_frames, user);
	compare(c, "shared page tables", h->shared_tables, shared);
	hugetlb_check(h, part_is_wrong, c);
	reclaim_check(c->h, part_is_wrong, c);
}

/* A bit of the upper level says that the word is full. */
static void check_summary(struct check *c, unsigned level, const uint64_t *words, const uint64_t *upper)
{
	for (uint64_t w = 0; w < c->h->busy.words[level]; w += 64) {
		uint64_t n = MIN(64, c->h->busy.words[level] - w), full = 0;

		for (uint64_t i = 0; i < n; i++)
			full |= (uint64_t)(words[w + i] == UINT64_MAX) << i;
		if (n < 64)
			full |= upper[w / 64] & ~(uint64_t)0 << n;
		if (full != upper[w / 64])
			check_wrong(c, "the free list's summary %u is wrong near word %" PRIu64, level + 1, w);
	}
}

/* The bitmap of frames in use and its summaries. */
static void check_bitmap(struct check *c)
{
	const struct vm_host *h = c->h;
	const uint64_t *words = h->busy.bits[0];
	uint64_t busy = 0, n = h->busy.words[0], beyond = n * 64 - h->frame_count;

	for (uint64_t w = 0; w < n; w++)
		if (words[w])
			busy += (unsigned)__builtin_popcountll(words[w]);
	compare(c, "frames in use by the free list", h->frame_count - h->frames_free, busy - beyond);
	compare(c, "frames that the free list counts", h->busy.count, busy - beyond);
	for (unsigned k = 0; k + 1 < h->busy.levels; k++)
		check_summary(c, k, h->busy.bits[k], h->busy.bits[k + 1]);
}

static void check_slots_of(struct check *c, const struct swap_area *a, uint64_t *used, uint64_t *cached)
{
	for (uint32_t at = 0; at < a->top; at++) {
		uint32_t slot = a->first + at, count = a->slot[at].count;
		pfn_t pfn = a->slot[at].frame ? a->slot[at].frame - 1 : PFN_NONE;

		if (count != c->slots[a->number][at])
			check_wrong(c, "swap slot %u: %u references counted, %u found", slot, count, c->slots[a->number][at]);
		if (pfn != PFN_NONE && (pfn >= c->n || !(frame_of(c->h, pfn)->flags & FRAME_SWAPCACHE) ||
					frame_of(c->h, pfn)->slot != slot))
			check_wrong(c, "swap slot %u says that frame 0x%" PRIx64 " caches it, which does not", slot, pfn);
		*used += count > 0 || pfn != PFN_NONE;
		*cached += pfn != PFN_NONE;
	}
}

static void check_slots(struct check *c)
{
	const struct swap *s = c->h->swap;
	uint64_t slots = 0, used = 0, cached = 0;

	for (unsigned i = 0; i < SWAP_AREAS; i++) {
		const struct swap_area *a = s->area[i];
		uint64_t here = 0;

		if (!a)
			continue;
		check_slots_of(c, a, &here, &cached);
		compare(c, "busy slots of a swap area", a->busy.count, here + a->bad);
		slots += a->slots - a->bad;
		used += here;
	}
	compare(c, "swap slots", s->slots, slots);
	compare(c, "used swap slots", s->used, used);
	compare(c, "cached swap slots", s->cached, cached);
}

static void check_descriptions(struct check *c)
{
	GHashTableIter it;
	gpointer key, value;

	g_hash_table_iter_init(&it, c->files);
	while (g_hash_table_iter_next(&it, &key, &value)) {
		const struct file *f = key;
		const struct seen *s = value;

		if (f->refs != s->refs)
			check_wrong(c, "open file description %" PRIu64 ": %u references counted, %" PRIu64 " found", f->number,
				    f->refs, s->refs);
		if (f->inode)
			check_seen(c->inodes, f->inode)->refs++;
	}
}

static void check_init(struct check *c)
{
	c->n = c->h->ceiling_used;
	c->refs = g_new0(uint32_t, c->n + 1);
	c->maps = g_new0(uint32_t, c->n + 1);
	c->cached = g_new0(uint8_t, c->n + 1);
	for (unsigned i = 0; i < SWAP_AREAS; i++)
		if (c->h->swap->area[i])
			c->slots[i] = g_new0(uint32_t, c->h->swap->area[i]->top + 1);
	paging_count(c->h, c->refs);
	c->anons = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	c->files = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	c->inodes = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	c->asids = g_hash_table_new(NULL, NULL);
}

static void check_clear(struct check *c)
{
	g_free(c->refs);
	g_free(c->maps);
	g_free(c->cached);
	for (unsigned i = 0; i < SWAP_AREAS; i++)
		g_free(c->slots[i]);
	g_hash_table_destroy(c->anons);
	g_hash_table_destroy(c->files);
	g_hash_table_destroy(c->inodes);
	g_hash_table_destroy(c->asids);
}

uint64_t vm_host_check(struct vm_host *h, void (*report)(void *arg, bool poked, const char *line), void *arg)
{
	struct check c = { .h = h, .report = report, .arg = arg };

	check_init(&c);
	check_bitmap(&c);
	check_processes(&c);
	check_global_table(&c);
	check_descriptions(&c);
	check_files(&c);
	check_frames(&c);
	check_lines(&c);
	check_slots(&c);
	check_anons(&c);
	compare(&c, "committed pages", h->committed, c.committed);
	check_tlb(&c);
	check_pokes(&c);
	check_clear(&c);
	return c.found;
}
