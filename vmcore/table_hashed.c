/*
 * table_hashed.c - hashed page tables (one for each process) and the inverted one (one for all).
 *
 * A table is an array of 16-byte slots in RAM, a power of two of them: a tag of 8 bytes, then the entry. Slot 0 holds
 * no page: its tag is log2 of the number of slots, so that the MMU needs nothing but the base. A page's slot is the
 * first from its hash on (upwards, from the last slot to slot 1) whose tag names it; a slot that was never used ends
 * the search. A slot given up in the middle of such a run keeps the tag TOMB.
 *
 * hashed:   tag = USED | vpn, hash = vpn. The array grows when it is three quarters full.
 * inverted: tag = USED | asid << 40 | vpn, hash = vpn ^ asid * 0x9e3779b1. After PowerPC's HTAB, but with linear
 *           probing instead of two groups of eight: two slots a frame of RAM, so that shared frames, which take an entry for
 *           each that maps them, find room. It never grows; when seven eighths are taken, no page can be mapped. The
 *           entries are the only record of what is mapped (Linux keeps an ordinary page table beside the HTAB).
 *
 * To go through a process's pages in order, the OS part keeps an index beside the table: a tree of 64-page maps.
 */
#include "mm.h"
#include "table.h"

#include <string.h>

enum { SLOT_SHIFT = 4, ENTRY_AT = 8, LEAST_SLOTS_SHIFT = 3, MOST_SLOTS_SHIFT = 40, ASID_SHIFT = 40, ASID_BITS = 22 };
#define USED ((uint64_t)1 << 63)
#define TOMB ((uint64_t)1 << 62)

struct chunk {
	struct tree_node node;
	uint64_t number;        /* vpn / 64 */
	uint64_t used;          /* bit n: page number * 64 + n has an entry */
};
struct page_index {
	struct tree chunks;     /* of one process */
	/* Of the table (inverted: kept in the global table's index): */
	uint64_t tags, tombs;   /* slots */
	uint64_t made, slot;    /* the tag that was made last and the slot kept for it until it is set; 0: none */
};

static bool is_inverted(const struct vm_host *h) { return h->geometry.table == VM_TABLE_INVERTED; }
static struct table *store_of(const struct table *t) { return is_inverted(t->host) ? t->host->global_table : (struct table *)t; }
static pfn_t head_of(const struct table *t) { return (t->own - 1) >> t->host->geometry.page_bits; }

/* The index of pages. */

static bool chunk_before(const struct tree_node *a, const struct tree_node *b)
{
	return tree_entry(a, struct chunk, node)->number < tree_entry(b, struct chunk, node)->number;
}

static struct page_index *index_new(void)
{
	struct page_index *x = g_new0(struct page_index, 1);

	tree_init(&x->chunks, chunk_before, NULL);
	return x;
}

static void index_free(struct page_index *x)
{
	struct tree_node *n;

	while (x && (n = x->chunks.root)) {
		tree_remove(&x->chunks, n);
		g_free(tree_entry(n, struct chunk, node));
	}
	g_free(x);
}

/* The lowest chunk numbered `number` or above. */
static struct chunk *chunk_above(const struct page_index *x, uint64_t number)
{
	struct chunk *best = NULL;

	for (struct tree_node *n = x->chunks.root; n; ) {
		struct chunk *c = tree_entry(n, struct chunk, node);

		if (c->number >= number)
			best = c;
		n = c->number >= number ? n->left : n->right;
	}
	return best;
}

static void index_add(struct page_index *x, vpn_t vpn)
{
	struct chunk *c = chunk_above(x, vpn / 64);

	if (!c || c->number != vpn / 64) {
		c = g_new0(struct chunk, 1);
		c->number = vpn / 64;
		tree_insert(&x->chunks, &c->node);
	}
	c->used |= (uint64_t)1 << (vpn % 64);
}

static void index_remove(struct page_index *x, vpn_t vpn)
{
	struct chunk *c = chunk_above(x, vpn / 64);

	assert(c && c->number == vpn / 64);
	c->used &= ~((uint64_t)1 << (vpn % 64));
	if (c->used)
		return;
	tree_remove(&x->chunks, &c->node);
	g_free(c);
}

/* The lowest page at or above `vpn` that has an entry, or `limit`. */
static vpn_t index_next(const struct page_index *x, vpn_t vpn, vpn_t limit)
{
	struct chunk *c = chunk_above(x, vpn / 64);

	if (c && c->number == vpn / 64 && !(c->used >> (vpn % 64)))
		c = chunk_above(x, vpn / 64 + 1);
	if (!c)
		return limit;
	if (c->number == vpn / 64)
		vpn += (unsigned)__builtin_ctzll(c->used >> (vpn % 64));
	else
		vpn = c->number * 64 + (unsigned)__builtin_ctzll(c->used);
	return MIN(vpn, limit);
}

/* Slots in RAM. */

static uint64_t word_load(const struct mmu_format *f, const uint8_t *at)
{
	uint64_t v;

	memcpy(&v, at, 8);
	return f->big_endian ? GUINT64_FROM_BE(v) : GUINT64_FROM_LE(v);
}

/* The tag as the OS part put it, whatever has been poked. */
static uint64_t tag_os(const struct table *t, pa_t at)
{
	struct vm_host *h = t->host;
	const struct mmu_format *f = &h->mmu.format;
	uint8_t bytes[8];

	memcpy(bytes, h->ram + at, 8);
	for (unsigned i = 0; frame_of(h, head_of(t))->flags & TABLE_POKED && i < 8; i += 1u << f->pte_shift) {
		const uint64_t *poked = poke_at(h, at + i);

		if (poked)
			pte_store(f, bytes + i, *poked);
	}
	return word_load(f, bytes);
}

static void tag_set(struct table *t, pa_t at, uint64_t tag)
{
	struct vm_host *h = t->host;

	for (unsigned i = 0; frame_of(h, head_of(t))->flags & TABLE_POKED && i < 8; i += h->geometry.pte_bytes)
		poke_drop(h, at + i);
	tag = h->mmu.format.big_endian ? GUINT64_TO_BE(tag) : GUINT64_TO_LE(tag);
	memcpy(h->ram + at, &tag, 8);
}

static uint64_t entry_os_at(const struct table *t, pa_t at)
{
	const struct vm_host *h = t->host;
	const uint64_t *poked = frame_of(h, head_of(t))->flags & TABLE_POKED ? poke_at(h, at) : NULL;

	return poked ? *poked : pte_load(&h->mmu.format, h->ram + at);
}

static uint64_t tag_for(const struct vm_host *h, uint32_t asid, vpn_t vpn)
{
	return USED | vpn | (is_inverted(h) ? (uint64_t)asid << ASID_SHIFT : 0);
}

static uint64_t hash_of(const struct vm_host *h, uint64_t tag)
{
	vpn_t vpn;

	if (!is_inverted(h))
		return tag & ~USED;
	vpn = tag & (((uint64_t)1 << ASID_SHIFT) - 1);
	return vpn ^ ((tag & ~USED) >> ASID_SHIFT) * 0x9e3779b1;
}

/* From the hash on: slot 0 holds no page. */
static uint64_t first_slot(uint64_t hash, uint64_t slots) { return hash & (slots - 1) ? hash & (slots - 1) : 1; }
static uint64_t next_slot(uint64_t slot, uint64_t slots) { return slot + 1 < slots ? slot + 1 : 1; }
static uint64_t prev_slot(uint64_t slot, uint64_t slots) { return slot > 1 ? slot - 1 : slots - 1; }

static uint64_t slots_of(const struct table *store) { return (uint64_t)1 << tag_os(store, store->own - 1); }
static pa_t slot_at(const struct table *store, uint64_t slot) { return store->own - 1 + (slot << SLOT_SHIFT); }

/* The slot with that tag; else the first that may take it, 0 when there is none. */
static uint64_t find(const struct table *store, uint64_t tag, bool *found)
{
	uint64_t slots = slots_of(store), slot = first_slot(hash_of(store->host, tag), slots), reusable = 0;

	*found = false;
	for (uint64_t i = 1; i < slots; i++, slot = next_slot(slot, slots)) {
		uint64_t there = tag_os(store, slot_at(store, slot));

		if (there == tag) {
			*found = true;
			return slot;
		}
		if (there == TOMB && !reusable)
			reusable = slot;
		if (there == 0)
			return reusable ? reusable : slot;
	}
	return reusable;
}

/* A fresh array of 2^shift slots; PA_NONE. */
static pa_t array_new(const struct table *t, unsigned shift)
{
	struct vm_host *h = t->host;
	unsigned bits = shift + SLOT_SHIFT, order = bits > h->geometry.page_bits ? bits - h->geometry.page_bits : 0;
	pfn_t pfn = frame_alloc_order(h, VM_FRAME_TABLE, order, true);

	if (pfn == PFN_NONE)
		return PA_NONE;
	for (pfn_t i = pfn; i < pfn + ((pfn_t)1 << order); i++) {
		frame_of(h, i)->level = 1;
		frame_of(h, i)->mm = t->mm;
	}
	frame_of(h, pfn)->sharers = 1;
	return pfn << h->geometry.page_bits;
}

static void array_start(struct table *store, pa_t at, unsigned shift)
{
	store->own = at + 1;
	tag_set(store, at, shift);
}

static int no_frames(const struct table *t, unsigned shift, struct err *e)
{
	const char *kind = vm_table_names[t->host->geometry.table];

	return err_set(e, ENOMEM, -1, "no %u bytes side by side are free for the %s page table of 2^%u slots",
		       1u << (shift + SLOT_SHIFT), kind, shift);
}

static unsigned log2_up(uint64_t n)
{
	return n <= 1 ? 0 : 64 - (unsigned)__builtin_clzll(n - 1);
}

/* The fewest slots: those that fill a frame, two a frame of RAM if inverted. */
static unsigned start_shift(const struct vm_host *h)
{
	unsigned shift = h->geometry.page_bits > SLOT_SHIFT ? h->geometry.page_bits - SLOT_SHIFT : 0;

	if (is_inverted(h))
		shift = MAX(shift, log2_up(2 * h->frame_count));
	return MAX(shift, LEAST_SLOTS_SHIFT);
}

static int store_start(struct table *store, struct err *e)
{
	unsigned shift = start_shift(store->host);
	pa_t at = array_new(store, shift);

	if (at == PA_NONE)
		return no_frames(store, shift, e);
	array_start(store, at, shift);
	store->index = index_new();
	return 0;
}

int hashed_root(struct table *t, struct err *e)
{
	struct vm_host *h = t->host;

	if (!is_inverted(h))
		return store_start(t, e);
	if (t->asid >> ASID_BITS)
		return err_set(e, ENOMEM, -1, "address space number %u does not fit an inverted table's tag of %d bits",
			       t->asid, ASID_BITS);
	if (!h->global_table) {
		struct table *global = g_new0(struct table, 1);

		table_init(global, h, NULL, 0);
		if (store_start(global, e)) {
			g_free(global);
			return -ENOMEM;
		}
		h->global_table = global;
	}
	t->own = h->global_table->own;
	t->index = index_new();
	return 0;
}

static void span_fill(const struct table *t, uint64_t slot, struct span *s)
{
	const struct table *store = store_of(t);
	struct vm_host *h = t->host;

	s->at = slot_at(store, slot) + ENTRY_AT;
	s->entry = h->ram + s->at;
	s->count = 1;
	s->table = is_inverted(h) ? PFN_NONE : head_of(store);
	s->sharers = 1;
	s->poked = frame_of(h, head_of(store))->flags & TABLE_POKED;
}

void hashed_span(const struct table *t, vpn_t vpn, vpn_t limit, struct span *s)
{
	const struct page_index *x = store_of(t)->index;
	vpn_t next = index_next(t->index, vpn, limit);
	bool found;
	uint64_t slot;

	if (x->made && x->made == tag_for(t->host, t->asid, vpn)) {
		span_fill(t, x->slot, s);
		return;
	}
	if (x->made >= tag_for(t->host, t->asid, vpn) && x->made < tag_for(t->host, t->asid, vpn) + (next - vpn))
		next = vpn + (x->made - tag_for(t->host, t->asid, vpn));
	s->count = next - vpn;
	if (next > vpn)
		return;
	slot = find(store_of(t), tag_for(t->host, t->asid, vpn), &found);
	assert(found);
	span_fill(t, slot, s);
}

/* Puts all entries in use into a fresh array at `at`, or back into the old one, cleared. */
static void rebuild(struct table *store, pa_t at, unsigned shift)
{
	struct vm_host *h = store->host;
	uint64_t slots = slots_of(store);
	pfn_t old = head_of(store);
	g_autoptr(GArray) kept = g_array_new(false, false, 2 * sizeof(uint64_t));
	bool found;

	for (uint64_t i = 1; i < slots; i++) {
		pa_t slot = slot_at(store, i);
		uint64_t pair[2] = { tag_os(store, slot), entry_os_at(store, slot + ENTRY_AT) };

		if (pair[0] & USED)
			g_array_append_vals(kept, pair, 1);
	}
	if (at == store->own - 1) {
		poke_drop_frames(h, old);
		memset(h->ram + at, 0, slots << SLOT_SHIFT);
		array_start(store, at, shift);
	} else {
		array_start(store, at, shift);
		frame_of(h, head_of(store))->entries = frame_of(h, old)->entries;
		frame_release(h, old);
	}
	store->index->tombs = 0;
	for (guint i = 0; i < kept->len; i++) {
		const uint64_t *pair = &g_array_index(kept, uint64_t, 2 * i);
		pa_t slot = slot_at(store, find(store, pair[0], &found));

		tag_set(store, slot, pair[0]);
		pte_store(&h->mmu.format, h->ram + slot + ENTRY_AT, pair[1]);
	}
}

/* Room for one more page: cleans away tombs, grows. */
static int make_room(struct table *store, struct err *e)
{
	const struct page_index *x = store->index;
	uint64_t slots = slots_of(store), most = is_inverted(store->host) ? slots / 8 * 7 : slots / 4 * 3;
	unsigned shift = log2_up(slots) + 1;
	pa_t at;

	if (x->tags + x->tombs + 1 <= most)
		return 0;
	if (is_inverted(store->host) && x->tags + 1 > most)
		return err_set(e, ENOMEM, -1, "the inverted page table is full: %" G_GUINT64_FORMAT " of %"
			       G_GUINT64_FORMAT " slots", x->tags, slots);
	if (is_inverted(store->host) || x->tags + 1 <= slots / 2) {
		rebuild(store, store->own - 1, shift - 1);
		return 0;
	}
	at = array_new(store, shift);
	if (at == PA_NONE)
		return x->tags + 1 < slots - 1 ? 0 : no_frames(store, shift, e);
	rebuild(store, at, shift);
	return 0;
}

int hashed_make(struct table *t, vpn_t vpn, struct span *s, struct err *e)
{
	struct table *store = store_of(t);
	uint64_t tag = tag_for(t->host, t->asid, vpn), slot;
	bool found;

	slot = find(store, tag, &found);
	if (!found) {
		if (make_room(store, e))
			return -ENOMEM;
		slot = find(store, tag, &found);
	}
	assert(slot);
	store->index->made = found ? 0 : tag;
	store->index->slot = slot;
	span_fill(t, slot, s);
	return 0;
}

/* The search for a tag that is put at `slot` must get there: slots given up since it was made become tombs. */
static void keep_reachable(struct table *store, uint64_t tag, uint64_t slot)
{
	uint64_t slots = slots_of(store);

	for (uint64_t at = first_slot(hash_of(store->host, tag), slots); at != slot; at = next_slot(at, slots)) {
		if (tag_os(store, slot_at(store, at)) != 0)
			continue;
		tag_set(store, slot_at(store, at), TOMB);
		store->index->tombs++;
	}
}

/* The slot's entry has become none: its tag goes, and tombs that no search needs any more. */
static void give_up(struct table *store, uint64_t slot)
{
	uint64_t slots = slots_of(store);

	store->index->tags--;
	if (tag_os(store, slot_at(store, next_slot(slot, slots))) != 0) {
		tag_set(store, slot_at(store, slot), TOMB);
		store->index->tombs++;
		return;
	}
	tag_set(store, slot_at(store, slot), 0);
	for (slot = prev_slot(slot, slots); tag_os(store, slot_at(store, slot)) == TOMB; slot = prev_slot(slot, slots)) {
		tag_set(store, slot_at(store, slot), 0);
		store->index->tombs--;
	}
}

void hashed_counted(struct table *t, vpn_t vpn, struct span *s, bool used)
{
	struct table *store = store_of(t);
	pa_t at = s->at - ENTRY_AT;
	uint64_t slot = (at - (store->own - 1)) >> SLOT_SHIFT, tag = tag_for(t->host, t->asid, vpn);

	if (used) {
		store->index->tombs -= tag_os(store, at) == TOMB;
		store->index->tags++;
		store->index->made = 0;
		keep_reachable(store, tag, slot);
		tag_set(store, at, tag);
		index_add(t->index, vpn);
	} else {
		give_up(store, slot);
		index_remove(t->index, vpn);
	}
}

void hashed_destroy(struct table *t)
{
	if (!is_inverted(t->host))
		frame_release(t->host, head_of(t));
	g_clear_pointer(&t->index, index_free);
}

void table_global_free(struct vm_host *h)
{
	if (h->global_table)
		index_free(h->global_table->index);
	g_clear_pointer(&h->global_table, g_free);
}

/* The MMU's side: reads RAM and nothing else. */

/* A probe; when more are made than can be shown, the last one takes the last place. */
static struct vm_walk_step *probe(const struct vm_host *h, struct vm_walk *w, uint64_t slot, pa_t at, bool matches)
{
	const struct mmu_format *f = &h->mmu.format;
	uint64_t raw = pte_load(f, h->ram + at);
	struct vm_walk_step *s = &w->step[MIN(w->steps, G_N_ELEMENTS(w->step) - 1)];

	w->steps = MIN(w->steps + 1, G_N_ELEMENTS(w->step));
	*s = (struct vm_walk_step) { .level = 1, .index = slot, .pte_addr = at, .pte = raw,
				     .valid = matches && (raw & f->valid), .ppn = raw >> f->ppn_shift & f->ppn_mask };
	return s;
}

unsigned hashed_look(const struct vm_host *h, uint32_t asid, enum vm_access how, bool user, struct vm_walk *w)
{
	const struct mmu_format *f = &h->mmu.format;
	vpn_t vpn = w->va << (64 - f->va_bits) >> (64 - f->va_bits) >> f->page_bits;
	uint64_t tag = tag_for(h, asid, vpn), shift, slots, slot;

	w->fault_level = 1;
	w->fault = VM_WALK_BAD_PTE;
	if (w->ptbr > h->mmu.ram_bytes || h->mmu.ram_bytes - w->ptbr < 1u << SLOT_SHIFT)
		return 0;
	shift = word_load(f, h->ram + w->ptbr);
	if (shift < 1 || shift > MOST_SLOTS_SHIFT || h->mmu.ram_bytes - w->ptbr < (uint64_t)1 << (shift + SLOT_SHIFT))
		return 0;
	slots = (uint64_t)1 << shift;
	slot = first_slot(hash_of(h, tag), slots);
	w->fault = VM_WALK_NOT_PRESENT;
	for (uint64_t i = 1; i < slots; i++, slot = next_slot(slot, slots)) {
		pa_t at = w->ptbr + (slot << SLOT_SHIFT);
		uint64_t there = word_load(f, h->ram + at);
		struct vm_walk_step *s = probe(h, w, slot, at + ENTRY_AT, there == tag);

		if (there == tag) {
			mmu_look_leaf(h, how, user, s, w);
			return (unsigned)i;
		}
		if (there == 0)
			return (unsigned)i;
	}
	return (unsigned)slots - 1;
}
