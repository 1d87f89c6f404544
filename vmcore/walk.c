/*
 * walk.c - the MMU: page-table walks.
 *
 * mmu_look() decides everything, slowly and step by step, and changes nothing. The fast walkers read the same
 * entries, answer when a walk of ordinary pages succeeds, if need be after setting A and D of its leaf, and leave each
 * other case (a denial, an entry outside RAM, a huge leaf, a bit to set above) to it. Entries below a denial are still read: as on x86, not-present goes before
 * protection, wherever in the walk either is found.
 */
#include "walk.h"

#include "proc.h"

const char *const vm_walk_fault_names[VM_WALK_FAULTS] = {
	"ok", "not-present", "protection-write", "protection-exec", "protection-user", "non-canonical", "bad-pte",
};

enum { BIGGEST_PAGE_BITS = 30 }; /* of a huge leaf told by a bit: x86 and arm64 have none above 1 GiB */

static inline bool is_canonical(const struct mmu_format *f, va_t va)
{
	unsigned unused = 64 - f->va_bits;

	if (f->sign_extended)
		return (va_t)((int64_t)(va << unused) >> unused) == va;
	return va << unused >> unused == va;
}

/* What an entry grants, as VM_PTE_*, from what it refuses. Formats permit what they have no bit for. */
static inline unsigned flags_granted(const struct mmu_format *f, uint64_t refused, uint64_t leaf)
{
	return (refused & f->write ? 0 : VM_PTE_WRITE) | (refused & f->user ? 0 : VM_PTE_USER) |
	       (refused & f->nx ? 0 : VM_PTE_EXEC) | ((leaf ^ f->flip) & f->accessed ? 0 : VM_PTE_ACCESSED) |
	       ((leaf ^ f->flip) & f->dirty ? 0 : VM_PTE_DIRTY);
}

/* A format without A or D never shows them. */
static inline unsigned flags_known(const struct mmu_format *f)
{
	return VM_PTE_WRITE | VM_PTE_USER | VM_PTE_EXEC | (f->accessed ? VM_PTE_ACCESSED : 0) |
	       (f->dirty ? VM_PTE_DIRTY : 0);
}

/* The flags of one entry alone: those that the format lacks are clear. */
static unsigned flags_alone(const struct mmu_format *f, uint64_t raw, bool leaf)
{
	uint64_t refused = raw ^ f->flip;
	unsigned shown = (f->write ? VM_PTE_WRITE : 0) | (f->user ? VM_PTE_USER : 0) | (f->nx ? VM_PTE_EXEC : 0);

	if (!leaf && !f->upper_permissions)
		shown = 0;
	if (leaf ? f->accessed : f->upper_accessed)
		shown |= VM_PTE_ACCESSED;
	if (leaf && f->dirty)
		shown |= VM_PTE_DIRTY;
	return flags_granted(f, refused, raw) & shown;
}

/* The looking walk. */

static enum vm_walk_fault denial_of(const struct mmu_format *f, uint64_t denied)
{
	return denied & (f->user | f->read) ? VM_WALK_USER : denied & f->write ? VM_WALK_WRITE : VM_WALK_EXEC;
}

static void look_fault(struct vm_walk *w, enum vm_walk_fault fault, unsigned level)
{
	w->fault = fault;
	w->fault_level = level;
}

void mmu_look_entry(const struct vm_host *h, unsigned level, uint64_t index, pa_t at, struct vm_walk_step *s,
		    bool *leaf)
{
	const struct mmu_format *f = &h->mmu.format;
	uint64_t raw = pte_load(f, h->ram + at);

	*leaf = level == f->levels || ((raw ^ f->big_flip) & f->big_mask);
	*s = (struct vm_walk_step) { .level = level, .index = index, .pte_addr = at, .pte = raw,
				     .valid = (raw & f->valid) != 0, .ppn = raw >> f->ppn_shift & f->ppn_mask };
	s->flags = s->valid ? flags_alone(f, raw, *leaf) : 0;
	if (s->valid && *leaf && level < f->levels)
		s->flags |= VM_PTE_HUGE;
}

/* A leaf at `level` (from 0) that maps 2^bits bytes: checks it and finds the address. */
static void look_leaf(const struct vm_host *h, struct vm_walk *w, struct vm_walk_step *s, unsigned level, unsigned bits)
{
	const struct mmu_format *f = &h->mmu.format;
	uint64_t low = ((uint64_t)1 << (bits - f->page_bits)) - 1, offset = w->va & (((uint64_t)1 << bits) - 1);

	if (bits > f->page_bits)
		w->flags |= VM_PTE_HUGE;
	w->page_bits = bits;
	w->leaf_addr = s->pte_addr;
	w->pa = (s->ppn << f->page_bits) + offset;
	if ((s->ppn & low) || (bits > f->page_bits && !f->rwx && bits > BIGGEST_PAGE_BITS) ||
	    w->pa >= h->mmu.ram_bytes)
		look_fault(w, VM_WALK_BAD_PTE, level + 1);
}

void mmu_look_leaf(const struct vm_host *h, enum vm_access how, bool user, struct vm_walk_step *s, struct vm_walk *w)
{
	const struct mmu_format *f = &h->mmu.format;
	uint64_t refused = s->pte ^ f->flip, denied = refused & f->leaf_need[how][user];

	if (!s->valid)
		return look_fault(w, VM_WALK_NOT_PRESENT, 1);
	s->flags = flags_alone(f, s->pte, true);
	w->flags = flags_granted(f, refused, s->pte) & flags_known(f);
	w->fault = VM_WALK_OK;
	w->fault_level = 0;
	look_leaf(h, w, s, 0, f->page_bits);
	if (w->fault == VM_WALK_OK && denied)
		look_fault(w, denial_of(f, denied), 1);
}

/* RISC-V: a leaf that may be written but not read is reserved, so is a pointer in a leaf table. */
static bool is_reserved(const struct mmu_format *f, uint64_t raw, bool last)
{
	return f->rwx && ((raw & f->write && !(raw & f->read)) || (last && !(raw & f->big_mask)));
}

static void look_radix(const struct vm_host *h, enum vm_access how, bool user, struct vm_walk *w)
{
	const struct mmu_format *f = &h->mmu.format;
	uint64_t refused = 0, denied = 0, first_denied = 0;
	unsigned denied_level = 0;
	pa_t base = w->ptbr;

	for (unsigned k = 0; ; k++) {
		uint64_t index = w->va >> f->shift[k] & f->index_mask[k], raw;
		pa_t at = base + (index << f->pte_shift);
		bool last = k == f->levels - 1, leaf;
		struct vm_walk_step *s = &w->step[k];

		if (h->mmu.no_pte || at > h->mmu.last_pte || at < base)
			return look_fault(w, VM_WALK_BAD_PTE, k + 1);
		mmu_look_entry(h, k + 1, index, at, s, &leaf);
		raw = s->pte;
		w->steps++;
		if (!s->valid)
			return look_fault(w, VM_WALK_NOT_PRESENT, k + 1);
		if (is_reserved(f, raw, last))
			return look_fault(w, VM_WALK_BAD_PTE, k + 1);
		if (leaf || f->upper_permissions)
			refused |= raw ^ f->flip;
		denied = (raw ^ f->flip) & (leaf ? f->leaf_need : f->upper_need)[how][user];
		if (denied && !first_denied) {
			first_denied = denied;
			denied_level = k + 1;
		}
		w->flags = flags_granted(f, refused, raw) & flags_known(f);
		if (leaf) {
			look_leaf(h, w, s, k, f->shift[k]);
			break;
		}
		if (s->ppn >= h->frame_count)
			return look_fault(w, VM_WALK_BAD_PTE, k + 1);
		base = s->ppn << f->page_bits;
	}
	if (w->fault == VM_WALK_OK && first_denied)
		look_fault(w, denial_of(f, first_denied), denied_level);
}

unsigned mmu_look(const struct vm_host *h, pa_t ptbr, uint32_t asid, va_t va, enum vm_access how, bool user,
		  struct vm_walk *w)
{
	w->va = va;
	w->ptbr = ptbr;
	w->steps = 0;
	w->fault = VM_WALK_OK;
	w->fault_level = 0;
	w->pa = w->leaf_addr = 0;
	w->page_bits = h->geometry.page_bits;
	w->flags = 0;
	if (!is_canonical(&h->mmu.format, va)) {
		look_fault(w, VM_WALK_NON_CANONICAL, 0);
	} else if (ptbr == PA_NONE) {
		look_fault(w, VM_WALK_NOT_PRESENT, 1);
	} else if (h->mmu.format.levels == 0) {
		return hashed_look(h, asid, how, user, w);
	} else {
		look_radix(h, how, user, w);
	}
	return w->steps;
}

/* Hardware sets a bit: a store like any other, but no poke, as OS parts expect it. */
static void set_bits(struct vm_host *h, pa_t at, uint64_t bits)
{
	const struct mmu_format *f = &h->mmu.format;
	uint64_t raw = pte_load(f, h->ram + at);
	uint8_t bytes[8];

	if ((raw & bits) == bits)
		return;
	raw |= bits;
	if (h->known)
		entry_unknown(h, raw);
	if (at & ((1u << f->pte_shift) - 1)) {
		/* A table placed by hand where no entry of the OS part can start: this changes two of its. */
		pte_store(f, bytes, raw);
		ram_store(h, at, bytes, (size_t)1 << f->pte_shift);
		return;
	}
	pte_store(f, h->ram + at, raw);
	frame_of(h, at >> f->page_bits)->flags |= FRAME_USED;
	if (frame_of(h, at >> f->page_bits)->use != VM_FRAME_TABLE)  /* placed by hand */
		frame_store(h, at >> f->page_bits, 0, page_size(h));
}

void mmu_walk_slowly(struct vm_host *h, pa_t ptbr, uint32_t asid, va_t va, enum vm_access how, bool user,
		     struct translation *out)
{
	const struct mmu_format *f = &h->mmu.format;
	struct vm_walk w;
	unsigned read = mmu_look(h, ptbr, asid, va, how, user, &w);

	if (w.fault == VM_WALK_OK) {
		for (unsigned k = 0; h->mmu.format.levels != 0 && k + 1 < w.steps; k++)
			set_bits(h, w.step[k].pte_addr, f->upper_accessed);
		set_bits(h, w.leaf_addr, f->accessed | (how == VM_WRITE ? f->dirty : 0));
		w.flags |= f->accessed ? VM_PTE_ACCESSED : 0;
		w.flags |= how == VM_WRITE && f->dirty ? VM_PTE_DIRTY : 0;
	}
	*out = (struct translation) { .fault = w.fault, .level = w.fault_level, .pa = w.pa,
				      .page_bits = w.page_bits, .flags = w.flags, .steps = read };
}

/*
 * The fast walkers: one text, compiled for x86-64's constants, for entries of 8 bytes in tables of one page, and for
 * any. They branch once: all entries are read whatever they say, and what they refuse is looked at in the end. In the
 * first two, a frame number outside RAM is cut to the memory mapped for it, where reading is harmless, and its upper
 * bits are among those that stop the walk.
 */

#define X86_NX ((uint64_t)1 << 63)
static const struct mmu_format x86_64 = {
	.flip = 1 | 2 | 4 | 0x20 | 0x40, .valid = 1, .write = 2, .user = 4, .nx = X86_NX, .accessed = 0x20,
	.dirty = 0x40, .upper_accessed = 0x20,
	.leaf_need = { { 1, 1 | 4 }, { 1 | 2, 1 | 2 | 4 }, { 1 | X86_NX, 1 | 4 | X86_NX } },
	.upper_need = { { 1, 1 | 4 }, { 1 | 2, 1 | 2 | 4 }, { 1 | X86_NX, 1 | 4 | X86_NX } },
	.big_mask = 0x80, .upper_flip = 1 | 2 | 4 | 0x20 | 0x40,
	.ppn_mask = ((uint64_t)1 << 40) - 1, .ppn_shift = 12, .page_bits = 12, .pte_shift = 3, .levels = 4,
	.va_bits = 48, .shift = { 39, 30, 21, 12 }, .index_mask = { 511, 511, 511, 511 },
	.upper_permissions = true, .sign_extended = true,
};

static inline uint64_t load_wide(const uint8_t *at)
{
	uint64_t v;

	memcpy(&v, at, 8);
	return v;
}

/* flags_granted() for x86-64, whose bits need only be moved together. */
static inline unsigned flags_x86(uint64_t refused, uint64_t leaf)
{
	return (unsigned)(~refused >> 1 & 3) | (unsigned)(~refused >> 61 & 4) | (unsigned)(leaf >> 2 & 0x18);
}

/* The tables are there, the page is not. */
static bool walk_missed(const struct mmu_format *f, uint64_t raw, struct translation *out)
{
	*out = (struct translation){ .fault = VM_WALK_NOT_PRESENT, .level = f->levels, .page_bits = f->page_bits,
				     .steps = f->levels, .absent = raw };
	return true;
}

static inline __attribute__((always_inline)) bool
walk_answered(const struct mmu_format *f, uint64_t refused, uint64_t raw, pa_t pa, struct translation *out)
{
	refused = f->upper_permissions ? refused | (raw ^ f->flip) : raw ^ f->flip;
	out->fault = VM_WALK_OK;
	out->level = 0;
	out->pa = pa;
	out->page_bits = f->page_bits;
	out->flags = f == &x86_64 ? flags_x86(refused, raw) : flags_granted(f, refused, raw) & flags_known(f);
	out->steps = f->levels;
	return true;
}

/*
 * The leaf at `at` is not there, or lacks something: if that is no more than A and D, they are set. The last call of a walk, so that
 * it costs the others nothing.
 */
static __attribute__((noinline, cold)) bool
leaf_refused(struct vm_host *h, const struct mmu_format *f, pa_t at, va_t va, uint64_t refused, struct mmu_stop stop,
	     struct translation *out)
{
	uint64_t raw, bits = f->accessed | (stop.leaf & f->dirty);
	pa_t pa;

	if (refused & stop.upper || at > h->mmu.last_pte)
		return false;
	raw = pte_load(f, h->ram + at);
	pa = ((raw >> f->ppn_shift & f->ppn_mask) << f->page_bits) + (va & (((uint64_t)1 << f->page_bits) - 1));
	if (!(raw & f->valid))
		return f->levels > 1 && walk_missed(f, raw, out);
	if ((raw ^ f->flip) & stop.leaf & ~(f->accessed | f->dirty) || pa >= h->mmu.ram_bytes ||
	    (f->rwx && is_reserved(f, raw, true)))
		return false;
	set_bits(h, at, bits);
	return walk_answered(f, refused, raw | bits, pa, out);
}

/* `wide`: entries of 8 bytes, native order, tables of a page each. */
static inline __attribute__((always_inline)) bool
walk_radix(struct vm_host *h, const struct mmu_format *f, const bool wide, pa_t at, va_t va,
	   struct mmu_stop stop, struct translation *out)
{
	const unsigned leaf = f->levels - 1;
	const uint8_t *ram = h->ram;
	const pa_t last_pte = h->mmu.last_pte, within = h->mmu.table_mask;
	uint64_t refused = 0, raw;
	pa_t pa;

	if (!is_canonical(f, va))
		return false;
#pragma GCC unroll 4
	for (unsigned k = 0; k < leaf; k++) {
		at += (va >> f->shift[k] & f->index_mask[k]) << f->pte_shift;
		if ((k == 0 || !wide) && at > last_pte)
			return false;
		raw = wide ? load_wide(ram + at) : pte_load(f, ram + at);
		if (wide && f->ppn_shift == f->page_bits)
			at = raw & within;
		else
			at = (raw >> f->ppn_shift & f->ppn_mask) << f->page_bits & within;
		refused |= raw ^ f->upper_flip;
	}
	at += (va >> f->shift[leaf] & f->index_mask[leaf]) << f->pte_shift;
	if ((leaf == 0 || !wide) && at > last_pte)
		return false;
	raw = wide ? load_wide(ram + at) : pte_load(f, ram + at);
	pa = ((raw >> f->ppn_shift & f->ppn_mask) << f->page_bits) + (va & (((uint64_t)1 << f->page_bits) - 1));
	if ((refused & stop.upper) | ((raw ^ f->flip) & stop.leaf) || pa >= h->mmu.ram_bytes ||
	    (f->rwx && is_reserved(f, raw, true)))
		return leaf_refused(h, f, at, va, refused, stop, out);
	return walk_answered(f, refused, raw, pa, out);
}

static bool walk_x86(struct vm_host *h, pa_t ptbr, va_t va, struct mmu_stop stop, struct translation *out)
{
	return walk_radix(h, &x86_64, true, ptbr, va, stop, out);
}

static bool walk_wide(struct vm_host *h, pa_t ptbr, va_t va, struct mmu_stop stop, struct translation *out)
{
	return walk_radix(h, &h->mmu.format, true, ptbr, va, stop, out);
}

static bool walk_any(struct vm_host *h, pa_t ptbr, va_t va, struct mmu_stop stop, struct translation *out)
{
	return walk_radix(h, &h->mmu.format, false, ptbr, va, stop, out);
}

static bool walk_none(struct vm_host *h, pa_t ptbr, va_t va, struct mmu_stop stop, struct translation *out)
{
	return false;
}

/* One frame holds each table: no index leads out of it. */
static bool tables_fit(const struct vm_geometry *g)
{
	for (unsigned level = 1; level <= g->levels; level++)
		if (table_order(g, level) != 0)
			return false;
	return true;
}

static void choose_stops(struct mmu *m)
{
	const struct mmu_format *f = &m->format;
	uint64_t outside = (f->ppn_mask & ~(m->table_mask >> f->page_bits)) << f->ppn_shift;

	for (int user = 0; user < 2; user++)
		for (int how = 0; how < 3; how++)
			m->stop[how][user] = (struct mmu_stop) {
				.upper = f->upper_need[how][user] | f->big_mask | f->upper_accessed | outside,
				.leaf = f->leaf_need[how][user] | f->accessed | (how == VM_WRITE ? f->dirty : 0),
			};
}

void mmu_choose_walk(struct vm_host *h)
{
	const struct mmu_format *f = &h->mmu.format;

	h->mmu.table_mask = (h->mmu.mapped_bytes - 1) & -page_size(h);
	choose_stops(&h->mmu);
	if (f->levels == 0 || h->mmu.no_pte)
		h->mmu.walk = walk_none;
	else if (memcmp(f, &x86_64, sizeof(*f)) == 0)
		h->mmu.walk = walk_x86;
	else
		h->mmu.walk = f->pte_shift == 3 && !f->big_endian && tables_fit(&h->geometry) ? walk_wide : walk_any;
}

void vm_walk_look(const struct vm_proc *p, va_t va, struct vm_walk *out)
{
	const struct table *t = p->mm ? &p->mm->table : NULL;

	mmu_look(p->host, t ? t->base : PA_NONE, t ? t->asid : 0, va, VM_READ, true, out);
}
