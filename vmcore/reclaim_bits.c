/*
 * reclaim_bits.c - what a policy sees and changes of the machine: used bits, dirty bits; accesses that it is told.
 *
 * Policies look at the same frames again and again, so what all entries of a frame say is kept (host->known) until one of them
 * changes: entry_unknown(). While any entry is poked nothing is kept, nor for parts of huge pages.
 */
#include "reclaim_inner.h"

#include "inode.h"
#include "page.h"
#include "sparse.h"

struct bits { struct vm_host *host; pfn_t pfn; unsigned flags; bool clear; };

/*
 * Clears the A bit as hardware sets it: in RAM, without a thought for who shares the table. But each of those has a TLB entry of
 * its own, by which it would go on without setting the bit.
 */
static void clear_accessed(struct vm_host *h, struct area *a, va_t va, struct span *s)
{
	const struct mmu_format *f = &h->mmu.format;
	uint64_t raw = entry_raw(h, s, 0);

	if (raw & f->accessed)
		pte_store(f, s->entry, raw & ~f->accessed);
	else if (s->sharers < 2)
		return;
	tlb_flush_page(h, a->mm->table.asid, vpn_of(h, va));
}

static bool look_at_entry(void *arg, struct area *a, va_t va)
{
	struct bits *b = arg;
	struct vm_host *h = b->host;
	vpn_t vpn = vpn_of(h, va);
	struct span s;

	table_span(&a->mm->table, vpn, vpn + 1, &s);
	if (!s.entry || entry_kind(&h->geometry, entry_raw(h, &s, 0)) != ENTRY_PRESENT ||
	    entry_number(&h->geometry, span_entry(h, &s, vpn, 0)) != b->pfn)
		return true;
	b->flags |= entry_flags(&h->geometry, entry_raw(h, &s, 0));
	if (b->clear && h->mmu.format.accessed)
		clear_accessed(h, a, va, &s);
	return true;
}

static unsigned sole_entry(struct vm_host *h, pfn_t pfn, const struct sole *s, bool clear)
{
	const struct mmu_format *f = &h->mmu.format;
	struct reclaim *r = h->reclaim;

	r->seen.pfn = pfn;
	r->seen.entry = h->ram + s->at;
	r->seen.asid = s->mm->table.asid;
	r->seen.vpn = s->vpn;
	r->seen.pid = s->mm->owner->pid;
	r->seen.va = s->vpn << f->page_bits;
	if (clear && (s->raw & f->accessed)) {
		pte_store(f, r->seen.entry, s->raw & ~f->accessed);
		tlb_flush_page(h, r->seen.asid, s->vpn);
	}
	return entry_flags(&h->geometry, s->raw);
}

/* VM_PTE_* of all entries together. */
static unsigned entries_of(struct vm_host *h, pfn_t pfn, bool clear)
{
	struct bits b = { h, pfn, 0, clear };
	struct sole s;

	if (frame_of(h, pfn)->maps == 0)
		return 0;
	if (frame_sole(h, pfn, &s))
		return sole_entry(h, pfn, &s, clear);
	rmap_walk(h, pfn, look_at_entry, &b);
	return b.flags;
}

void reclaim_knows_nothing(struct vm_host *h)
{
	sparse_free(h->known, h->frame_count);
	h->known = NULL;
}

static uint8_t known_of(struct vm_host *h, pfn_t pfn)
{
	unsigned flags = entries_of(h, pfn, false);
	uint32_t own = frame_of(h, pfn)->flags;

	return (uint8_t)(FRAME_KNOWN | ((flags & VM_PTE_ACCESSED) || (own & FRAME_REFERENCED) ? FRAME_KNOWN_USED : 0) |
			 (flags_dirty(&h->geometry, flags) || (own & FRAME_DIRTY) ? FRAME_KNOWN_DIRTY : 0));
}

uint8_t frame_look(struct vm_host *h, pfn_t pfn)
{
	uint8_t known = known_of(h, pfn);

	if (g_hash_table_size(h->poked) > 0 || (frame_of(h, pfn)->flags & (FRAME_HUGE_HEAD | FRAME_HUGE_TAIL)))
		return known;
	if (!h->known) {
		h->known = sparse_new(h->frame_count);
		if (h->known && h->dense)
			sparse_dense(h->known, h->frame_count);
	}
	if (h->known)
		h->known[pfn] = known;
	return known;
}

bool frame_used(struct vm_host *h, pfn_t pfn)
{
	return frame_seems_used(h, pfn);
}

static void frame_unuse(struct vm_host *h, pfn_t pfn)
{
	if (!(frame_known(h, pfn) & FRAME_KNOWN_USED))
		return;
	frame_of(h, pfn)->flags &= ~FRAME_REFERENCED;
	entries_of(h, pfn, true);
	if (h->known)
		h->known[pfn] &= (uint8_t)~FRAME_KNOWN_USED;
}

bool frame_dirty(struct vm_host *h, pfn_t pfn)
{
	return frame_seems_dirty(h, pfn);
}

bool frame_known_wrongly(struct vm_host *h, pfn_t pfn)
{
	uint8_t known = h->known ? h->known[pfn] : 0, is;

	if (!known || frame_of(h, pfn)->use == VM_FRAME_FREE || (frame_of(h, pfn)->flags & (FRAME_HUGE_HEAD | FRAME_HUGE_TAIL)))
		return false;
	is = known_of(h, pfn);
	return known != is && !((frame_of(h, pfn)->flags & FRAME_DIRTY) && (known | FRAME_KNOWN_DIRTY) == is);
}

void machine_unuse(struct policy *p, uint32_t f)
{
	struct vm_host *h = p->machine;
	const struct mmu_format *format = &h->mmu.format;
	struct reclaim *r = h->reclaim;

	if (r->seen.pfn != f || !format->accessed) {
		frame_unuse(h, f);
		return;
	}
	frame_of(h, f)->flags &= ~FRAME_REFERENCED;
	if (h->known)
		h->known[f] &= (uint8_t)~FRAME_KNOWN_USED;
	pte_store(format, r->seen.entry, pte_load(format, r->seen.entry) & ~format->accessed);
	tlb_flush_page(h, r->seen.asid, r->seen.vpn);
}

bool machine_is_file(struct policy *p, uint32_t f)
{
	const struct frame *frame = frame_of(p->machine, f);

	return frame->use == VM_FRAME_FILE && !(frame->flags & FRAME_SHMEM);
}

/* What the frame leads to: the entry, its table, its neighbours in the page cache. */
static void fetch_around(const struct vm_host *h, const struct frame *f)
{
	fetch_entry(h, f);
	if (f->use != VM_FRAME_FILE || !f->inode)        /* one that is being allocated has none yet */
		return;
	inode_soon(f->inode, f->index, false);
	if (f->prev)
		__builtin_prefetch(frame_of(h, f->prev - 1), 1);
	if (f->next)
		__builtin_prefetch(frame_of(h, f->next - 1), 1);
}

/* First the frame; when it is there, what it leads to; and in the end what that leads to, and its bytes, to be read or zeroed. */
void machine_soon(struct policy *p, uint32_t f)
{
	const struct vm_host *h = p->machine;
	struct reclaim *r = h->reclaim;
	const struct frame *first = frame_of(h, r->soon[1]);

	__builtin_prefetch(frame_of(h, f), 1);
	fetch_around(h, frame_of(h, r->soon[0]));
	if (first->use == VM_FRAME_FILE && first->inode)
		inode_soon(first->inode, first->index, true);
	__builtin_prefetch(&h->lines[r->soon[0]]);
	frame_soon(h, r->soon[1]);
	r->soon[1] = r->soon[0];
	r->soon[0] = f;
}

void reclaim_settle(struct vm_host *h, pfn_t pfn)
{
	if (h->reclaim->ops->needs & POLICY_FRESH_UNUSED)
		frame_unuse(h, pfn);
	h->fresh = PFN_NONE;
}

void reclaim_hit(struct vm_host *h, pfn_t pfn)
{
	struct reclaim *r = h->reclaim;
	struct frame *f = frame_of(h, pfn);

	if (!(f->flags & FRAME_LISTED))
		return;
	if (!h->mmu.format.accessed) {                   /* what the format has no bit for, the OS keeps */
		f->flags |= FRAME_REFERENCED;
		frame_unknown(h, pfn);
	}
	if (r->ops->needs & POLICY_HITS) {
		set_of(r, pfn)->now = references(h);
		r->ops->hit(set_of(r, pfn), (uint32_t)pfn);
	}
}

void reclaim_read(struct vm_host *h, pfn_t pfn)
{
	frame_of(h, pfn)->flags |= FRAME_REFERENCED;
	frame_unknown(h, pfn);
	if (h->watch_hits)
		reclaim_hit(h, pfn);
}
