/* frame_look.c - what others see of frames: who maps them, and the kernel's words about them. */
#include "hugetlb.h"
#include "mm.h"
#include "proc.h"

/* Linux's bits in /proc/kpageflags. */
enum { KPF_REFERENCED = 2, KPF_UPTODATE = 3, KPF_DIRTY = 4, KPF_LRU = 5, KPF_ACTIVE = 6, KPF_WRITEBACK = 8,
       KPF_BUDDY = 10, KPF_MMAP = 11, KPF_ANON = 12, KPF_SWAPCACHE = 13, KPF_SWAPBACKED = 14,
       KPF_COMPOUND_HEAD = 15, KPF_COMPOUND_TAIL = 16, KPF_HUGE = 17, KPF_UNEVICTABLE = 18, KPF_THP = 22, KPF_ZERO_PAGE = 24,
       KPF_PGTABLE = 26, KPF_RESERVED = 32 };

/* Does the entry of `va` in the area's page table name the frame? */
static bool names_frame(const struct vm_host *h, const struct area *a, va_t va, pfn_t pfn, struct span *s)
{
	vpn_t vpn = va >> h->geometry.page_bits;
	uint64_t raw;
	enum entry_kind kind;
	pfn_t first;

	table_span(&a->mm->table, vpn, vpn + 1, s);
	if (!s->entry)
		return false;
	raw = entry_os(h, s, 0);
	kind = entry_kind(&h->geometry, raw);
	if (kind != ENTRY_PRESENT && kind != ENTRY_PROTNONE)
		return false;
	first = entry_number(&h->geometry, raw);
	return pfn == first + (s->huge ? vpn & (((vpn_t)1 << s->huge_bits) - 1) : 0);
}

struct mapper { int32_t pid; va_t va; };
struct mapper_list { const struct vm_host *h; pfn_t pfn; GArray *found; };

static bool add_mapper(void *arg, struct area *a, va_t va)
{
	struct mapper_list *l = arg;
	struct mapper m = { a->mm->owner->pid, va };
	struct span s;

	if (names_frame(l->h, a, va, l->pfn, &s))
		g_array_append_val(l->found, m);
	return true;
}

static gint by_pid_and_va(gconstpointer a, gconstpointer b)
{
	const struct mapper *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return x->va < y->va ? -1 : x->va > y->va;
}

/* The frame that counts for this one: the first of a page of the pool, else itself. */
static const struct frame *counting(const struct vm_host *h, pfn_t pfn)
{
	const struct frame *f = frame_of(h, pfn);

	return f->flags & FRAME_HUGETLB ? frame_of(h, pfn & -((pfn_t)1 << f->order)) : f;
}

static bool has_mappers(const struct frame *f)
{
	return (frame_kind(f) == VM_FRAME_ANON || frame_kind(f) == VM_FRAME_FILE) && f->maps > 0;
}

void vm_frame_mappers(const struct vm_host *h, pfn_t pfn, bool (*each)(void *arg, int32_t pid, va_t va), void *arg)
{
	struct mapper_list l = { h, pfn, NULL };

	if (pfn >= h->frame_count || !has_mappers(counting(h, pfn)))
		return;
	l.found = g_array_new(false, false, sizeof(struct mapper));
	rmap_walk((struct vm_host *)h, pfn, add_mapper, &l);
	g_array_sort(l.found, by_pid_and_va);
	for (guint i = 0; i < l.found->len; i++) {
		const struct mapper *m = &g_array_index(l.found, struct mapper, i);

		if (!each(arg, m->pid, m->va))
			break;
	}
	g_array_unref(l.found);
}

struct one_entry { const struct vm_host *h; pfn_t pfn; uint32_t maps; };

static bool count_through(void *arg, struct area *a, va_t va)
{
	struct one_entry *one = arg;
	struct span s;

	if (!names_frame(one->h, a, va, one->pfn, &s))
		return true;
	one->maps = page_mapcount(one->h, &s, one->pfn);
	return false;
}

/* (process, address) pairs that map it: frame->maps, unless its one entry is in a leaf table that several share. */
static uint32_t maps_of(const struct vm_host *h, pfn_t pfn)
{
	const struct frame *f = counting(h, pfn);
	struct one_entry one = { h, pfn, f->maps };

	if (f->use == VM_FRAME_ANON && f->maps == 1 && h->shared_tables > 0)
		rmap_walk((struct vm_host *)h, pfn, count_through, &one);
	return one.maps;
}

static bool first_mapper(void *arg, int32_t pid, va_t va)
{
	struct vm_frame *out = arg;

	out->pid = pid;
	out->va = va;
	return false;
}

static unsigned flags_of(const struct frame *f)
{
	static const struct { uint32_t from; unsigned to; } bits[] = {
		{ FRAME_DIRTY, VM_FRAME_DIRTY }, { FRAME_REFERENCED, VM_FRAME_REFERENCED },
		{ FRAME_LOCKED, VM_FRAME_LOCKED }, { FRAME_SWAPCACHE, VM_FRAME_SWAPCACHE },
		{ FRAME_WRITEBACK, VM_FRAME_WRITEBACK }, { FRAME_SHMEM, VM_FRAME_SHMEM },
		{ FRAME_HUGE_HEAD, VM_FRAME_HUGE_HEAD }, { FRAME_HUGE_TAIL, VM_FRAME_HUGE_TAIL },
		{ FRAME_ACTIVE, VM_FRAME_ACTIVE },
	};
	unsigned flags = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(bits); i++)
		if (f->flags & bits[i].from)
			flags |= bits[i].to;
	return flags;
}

static void look_table(const struct vm_host *h, pfn_t pfn, struct vm_frame *out)
{
	const struct frame *f = table_head(h, pfn);

	out->refs = f->refs;
	out->maps = f->sharers;
	out->level = f->level;
	out->va = f->index << h->geometry.page_bits;
	out->pid = f->mm && f->mm->owner ? f->mm->owner->pid : 0;
	out->flags = f->sharers > 1 ? VM_FRAME_SHARED_TABLE : 0;
}

bool vm_frame_at(const struct vm_host *h, pfn_t pfn, struct vm_frame *out)
{
	const struct frame *f;

	if (pfn >= h->frame_count)
		return false;
	f = frame_of(h, pfn);
	if (f->flags & FRAME_HUGETLB)
		f = counting(h, pfn);
	*out = (struct vm_frame) { .pfn = pfn, .use = frame_kind(f), .refs = f->refs };
	if (f->use == VM_FRAME_FREE)
		return true;
	out->age = h->clock ? h->clock->now - f->since : 0;
	if (f->use == VM_FRAME_TABLE) {
		look_table(h, pfn, out);
		return true;
	}
	out->flags = flags_of(frame_of(h, pfn));
	out->maps = maps_of(h, pfn);
	vm_frame_mappers(h, pfn, first_mapper, out);
	if (out->use == VM_FRAME_FILE) {
		out->inode = f->inode;
		out->index = f->index;
	}
	return true;
}

bool vm_frame_above(const struct vm_host *h, pfn_t pfn, struct vm_frame *out)
{
	for (; pfn < h->ceiling_used; pfn++)
		if (frame_of(h, pfn)->flags & FRAME_USED)
			return vm_frame_at(h, pfn, out);
	return false;
}

uint64_t vm_frame_count(const struct vm_host *h)
{
	return h->frame_count;
}

void vm_kpagecount(const struct vm_host *h, pfn_t first, size_t n, uint64_t *out)
{
	for (size_t i = 0; i < n; i++) {
		pfn_t pfn = first + i;
		bool counted = pfn < h->ceiling_used && has_mappers(counting(h, pfn));

		out[i] = counted ? maps_of(h, pfn) : 0;
	}
}

static uint64_t bit(unsigned n, bool on)
{
	return (uint64_t)on << n;
}

static uint64_t paged_word(const struct frame *f)
{
	bool anon = f->use == VM_FRAME_ANON, locked = f->flags & FRAME_LOCKED;
	bool head = f->flags & FRAME_HUGE_HEAD, tail = f->flags & FRAME_HUGE_TAIL;

	return bit(KPF_UPTODATE, true) | bit(KPF_LRU, true) | bit(KPF_MMAP, f->maps > 0) | bit(KPF_ANON, anon) |
	       bit(KPF_SWAPBACKED, (anon && !(f->flags & FRAME_LAZYFREE)) || f->flags & FRAME_SHMEM) |
	       bit(KPF_DIRTY, f->flags & FRAME_DIRTY) | bit(KPF_REFERENCED, f->flags & FRAME_REFERENCED) |
	       bit(KPF_ACTIVE, f->flags & FRAME_ACTIVE) | bit(KPF_WRITEBACK, f->flags & FRAME_WRITEBACK) |
	       bit(KPF_SWAPCACHE, f->flags & FRAME_SWAPCACHE) | bit(KPF_UNEVICTABLE, locked) |
	       bit(KPF_COMPOUND_HEAD, head) | bit(KPF_COMPOUND_TAIL, tail) | bit(KPF_THP, head || tail);
}

static uint64_t pool_word(const struct vm_host *h, pfn_t pfn)
{
	const struct frame *f = counting(h, pfn);
	bool head = frame_of(h, pfn) == f;

	return bit(KPF_HUGE, true) | bit(KPF_COMPOUND_HEAD, head) | bit(KPF_COMPOUND_TAIL, !head) |
	       bit(KPF_UPTODATE, head && f->maps > 0) | bit(KPF_MMAP, f->maps > 0) | bit(KPF_ANON, frame_kind(f) == VM_FRAME_ANON);
}

static uint64_t flags_word(const struct frame *f)
{
	switch (f->use) {
	case VM_FRAME_FREE:
		return bit(KPF_BUDDY, true);
	case VM_FRAME_TABLE:
		return bit(KPF_PGTABLE, true);
	case VM_FRAME_ZERO:
		return bit(KPF_ZERO_PAGE, true) | bit(KPF_RESERVED, true);
	case VM_FRAME_KERNEL:
		return bit(KPF_RESERVED, true);
	default:
		return paged_word(f);
	}
}

void vm_kpageflags(const struct vm_host *h, pfn_t first, size_t n, uint64_t *out)
{
	for (size_t i = 0; i < n; i++) {
		pfn_t pfn = first + i;

		if (pfn >= h->frame_count)
			out[i] = bit(20 /* KPF_NOPAGE */, true);
		else if (pfn >= h->ceiling_used)
			out[i] = bit(KPF_BUDDY, true);
		else if (frame_of(h, pfn)->flags & FRAME_HUGETLB)
			out[i] = pool_word(h, pfn);
		else
			out[i] = flags_word(frame_of(h, pfn));
	}
}
