/*
 * tlb.c - the TLB, and translation through it.
 *
 * An entry translates one page of the smallest size for one address space; a huge page takes an entry for each
 * small page of it that is used, as many real TLBs split them. Each set replaces by bit-PLRU: a use marks its way;
 * when the last unmarked way would be marked, all others lose their marks; the victim is the lowest way that is
 * free, else the lowest unmarked one.
 *
 * What is cached holds until it is flushed, whatever becomes of the page table, with two exceptions that real
 * hardware makes too: an access that the entry does not permit, and a store through an entry without D, walk again
 * and replace it.
 */
#include "proc.h"
#include "walk.h"

struct slot {
	vpn_t    vpn;
	pfn_t    pfn;
	uint32_t asid;
	uint16_t flags; /* VM_PTE_* */
	bool     valid, used;
};
struct tlb {
	struct vm_tlb_shape shape;
	unsigned sets;
	uint64_t valid;       /* entries */
	struct slot *slots;   /* set after set */
};

struct tlb *tlb_new(struct vm_tlb_shape s)
{
	struct tlb *t = g_new0(struct tlb, 1);

	t->shape = s;
	t->sets = s.entries ? s.entries / s.ways : 0;
	t->slots = g_new0(struct slot, s.entries);
	return t;
}

void tlb_free(struct tlb *t)
{
	if (!t)
		return;
	g_free(t->slots);
	g_free(t);
}

struct vm_tlb_shape vm_tlb_shape(const struct vm_host *h)
{
	return h->tlb->shape;
}

uint64_t tlb_valid(const struct vm_host *h)
{
	return h->tlb->valid;
}

static bool is_power_of_two(unsigned n)
{
	return n != 0 && (n & (n - 1)) == 0 && n <= 1u << 20;
}

int vm_tlb_reshape(struct vm_host *h, struct vm_tlb_shape s, struct err *e)
{
	if (s.entries == 0) {
		s.ways = 0;
	} else {
		if (!is_power_of_two(s.entries))
			return err_set(e, EINVAL, -1, "entries=%u is not a power of two up to 2^20", s.entries);
		if (!is_power_of_two(s.ways) || s.ways > s.entries)
			return err_set(e, EINVAL, -1, "ways=%u is not a power of two up to the %u entries", s.ways,
				       s.entries);
	}
	tlb_free(h->tlb);
	h->tlb = tlb_new(s);
	h->generation++;
	return 0;
}

static struct slot *set_of(const struct tlb *t, vpn_t vpn)
{
	return t->slots + (vpn & (t->sets - 1)) * t->shape.ways;
}

static inline struct slot *find(struct slot *set, unsigned ways, uint32_t asid, vpn_t vpn)
{
	for (struct slot *s = set, *end = set + ways; s < end; s++)
		if (s->vpn == vpn && s->asid == asid && s->valid)
			return s;
	return NULL;
}

static inline void mark(struct slot *set, unsigned ways, struct slot *used)
{
	if (used->used)
		return;
	used->used = true;
	for (unsigned w = 0; w < ways; w++)
		if (!set[w].used)
			return;
	for (unsigned w = 0; w < ways; w++)
		set[w].used = &set[w] == used;
}

static void drop_slot(struct tlb *t, struct slot *s)
{
	s->valid = s->used = false;
	t->valid--;
}

static inline struct slot *victim(struct slot *set, unsigned ways)
{
	for (unsigned w = 0; w < ways; w++)
		if (!set[w].valid)
			return &set[w];
	for (unsigned w = 0; w < ways; w++)
		if (!set[w].used)
			return &set[w];
	return set;
}

/* `s`: the entry that the page has already; NULL: none. */
static inline void fill(struct tlb *t, struct slot *set, struct slot *s, uint32_t asid, vpn_t vpn, const struct translation *tr,
			unsigned page_bits)
{
	if (!s) {
		s = victim(set, t->shape.ways);
		t->valid += !s->valid;
		s->used = false;
	}
	s->vpn = vpn;
	s->asid = asid;
	s->pfn = tr->pa >> page_bits;
	s->flags = (uint16_t)tr->flags;
	s->valid = true;
	mark(set, t->shape.ways, s);
}

/* A store needs D too, where there is one: without it the walk has to set it. */
static bool permits(const struct mmu_format *f, const struct slot *s, enum vm_access how)
{
	unsigned need = VM_PTE_USER;

	if (how == VM_WRITE)
		need |= VM_PTE_WRITE | (f->dirty ? VM_PTE_DIRTY : 0);
	else if (how == VM_EXEC)
		need |= VM_PTE_EXEC;
	return (s->flags & need) == need;
}

static void walk_counted(struct vm_host *h, const struct table *t, va_t va, enum vm_access how, struct translation *out)
{
	mmu_walk(h, t->base, t->asid, va, how, true, out);
	h->stats.walk_steps += out->steps;
	h->stats.time += out->steps * h->config.walk_step;
}

void mmu_translate(struct vm_host *h, const struct table *t, va_t va, enum vm_access how, struct translation *out)
{
	struct tlb *tlb = h->tlb;
	unsigned bits = h->geometry.page_bits;
	vpn_t vpn = va >> bits;
	struct slot *set, *s;

	h->stats.accesses++;
	if (tlb->shape.entries == 0) {
		walk_counted(h, t, va, how, out);
		return;
	}
	set = set_of(tlb, vpn);
	s = find(set, tlb->shape.ways, t->asid, vpn);
	if (s && permits(&h->mmu.format, s, how)) {
		h->stats.tlb_hits++;
		h->stats.time += h->config.tlb_hit;
		mark(set, tlb->shape.ways, s);
		*out = (struct translation) { .pa = (s->pfn << bits) + (va & (page_size(h) - 1)),
					      .page_bits = bits, .flags = s->flags };
		return;
	}
	h->stats.tlb_misses++;
	walk_counted(h, t, va, how, out);
	if (out->fault == VM_WALK_OK)
		fill(tlb, set, s, t->asid, vpn, out, bits);
	else if (s)
		drop_slot(tlb, s);
}

void tlb_flush_page(struct vm_host *h, uint32_t asid, vpn_t vpn)
{
	struct tlb *t = h->tlb;
	struct slot *s = t->valid ? find(set_of(t, vpn), t->shape.ways, asid, vpn) : NULL;

	if (s)
		drop_slot(t, s);
}

/* Drops what is of `asid` (or of all) in [first, end). */
static void flush_matching(struct tlb *t, bool all, uint32_t asid, vpn_t first, vpn_t end)
{
	for (unsigned i = 0; i < t->shape.entries && t->valid > 0; i++) {
		struct slot *s = &t->slots[i];

		if (s->valid && (all || s->asid == asid) && s->vpn >= first && s->vpn < end)
			drop_slot(t, s);
	}
}

void tlb_flush_range(struct vm_host *h, uint32_t asid, vpn_t first, vpn_t end)
{
	if (end - first >= h->tlb->sets) {
		flush_matching(h->tlb, false, asid, first, end);
		return;
	}
	for (vpn_t vpn = first; vpn < end; vpn++)
		tlb_flush_page(h, asid, vpn);
}

void tlb_flush_asid(struct vm_host *h, uint32_t asid)
{
	flush_matching(h->tlb, false, asid, 0, UINT64_MAX);
}

void vm_tlb_flush(struct vm_host *h)
{
	flush_matching(h->tlb, true, 0, 0, UINT64_MAX);
	h->generation++;
}

void vm_tlb_flush_va(struct vm_host *h, va_t va)
{
	vpn_t vpn = va >> h->geometry.page_bits;

	for (unsigned w = 0; h->tlb->valid && w < h->tlb->shape.ways; w++) {
		struct slot *s = set_of(h->tlb, vpn) + w;

		if (s->valid && s->vpn == vpn)
			drop_slot(h->tlb, s);
	}
	h->generation++;
}

bool vm_tlb_next(const struct vm_host *h, uint64_t *cursor, struct vm_tlb_entry *out)
{
	const struct tlb *t = h->tlb;

	for (; *cursor < t->shape.entries; ++*cursor) {
		const struct slot *s = &t->slots[*cursor];

		if (!s->valid)
			continue;
		*out = (struct vm_tlb_entry) { .set = (unsigned)(*cursor / t->shape.ways),
					       .way = (unsigned)(*cursor % t->shape.ways), .asid = s->asid,
					       .vpn = s->vpn, .pfn = s->pfn, .flags = s->flags };
		++*cursor;
		return true;
	}
	return false;
}
