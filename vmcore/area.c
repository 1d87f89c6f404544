/*
 * area.c - the tree of areas: found by address, linked, split, moved. No pages are touched here.
 *
 * A linked area is in three orders at once: in mm->areas by start, with the free space below it; in the mappings of
 * its inode by page of the file; and, once it has an anon, in the interval trees of anon.c. Whoever changes bounds or
 * flags goes through area_set_bounds() and area_set_flags(), which keep the orders and the mm's counts of pages right.
 */
#include "file.h"
#include "proc.h"

static bool area_before(const struct tree_node *a, const struct tree_node *b)
{
	return tree_entry(a, struct area, node)->start < tree_entry(b, struct area, node)->start;
}

static void area_refresh(struct tree_node *n)
{
	struct area *a = area_of(n);

	a->max_gap = a->gap;
	if (n->left)
		a->max_gap = MAX(a->max_gap, area_of(n->left)->max_gap);
	if (n->right)
		a->max_gap = MAX(a->max_gap, area_of(n->right)->max_gap);
}

void areas_init(struct tree *t)
{
	tree_init(t, area_before, area_refresh);
}

/* Those that are only shown ([vsyscall]) too. */
static struct area *shown_above(const struct mm *mm, va_t at)
{
	struct tree_node *n = mm->areas.root;
	struct area *found = NULL;

	while (n) {
		if (area_of(n)->end > at) {
			found = area_of(n);
			if (found->start <= at)
				break;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return found;
}

struct area *area_find(const struct mm *mm, va_t at)
{
	struct area *a = shown_above(mm, at);

	return a && (a->flags & VM_F_ONLY_SHOWN) ? NULL : a; /* such areas lie above all others */
}

struct area *area_at(const struct mm *mm, va_t at)
{
	struct area *a = area_find(mm, at);

	return a && a->start <= at ? a : NULL;
}

struct area *area_below(const struct mm *mm, va_t at)
{
	struct tree_node *n = mm->areas.root;
	struct area *found = NULL;

	while (n) {
		bool below = area_of(n)->start < at;

		if (below)
			found = area_of(n);
		n = below ? n->right : n->left;
	}
	return found;
}

struct area *area_next(const struct area *a)
{
	return area_of(tree_next(&a->node));
}

struct area *area_prev(const struct area *a)
{
	return area_of(tree_prev(&a->node));
}

uint32_t prot_to_flags(unsigned prot)
{
	uint32_t flags = 0;

	if (prot & VM_PROT_READ)
		flags |= VM_F_READ;
	if (prot & VM_PROT_WRITE)
		flags |= VM_F_WRITE;
	if (prot & VM_PROT_EXEC)
		flags |= VM_F_EXEC;
	return prot == VM_PROT_EXEC ? flags | VM_F_EXEC_ONLY : flags;
}

uint32_t host_prot_flags(const struct vm_host *h, unsigned prot)
{
	uint32_t flags = prot_to_flags(prot);

	return g_str_has_prefix(h->geometry.name, "x86-64") ? flags : flags & ~VM_F_EXEC_ONLY;
}

bool area_wants_notify(const struct area *a)
{
	const uint32_t both = VM_F_SHARED | VM_F_WRITE;

	return (a->flags & both) == both && a->inode && a->inode->kind == VM_INODE_FILE && !a->inode->tmpfs;
}

unsigned area_page_flags(const struct area *a)
{
	unsigned flags = 0;

	if (a->flags & (VM_F_READ | VM_F_WRITE | VM_F_EXEC))
		flags |= VM_PTE_USER;
	if (a->flags & VM_F_EXEC)
		flags |= VM_PTE_EXEC;
	if ((a->flags & VM_F_SHARED) && (a->flags & VM_F_WRITE) && !area_wants_notify(a))
		flags |= VM_PTE_WRITE;
	return flags;
}

/* Takes the area's pages into the mm's counts (vm_stat_account), or out of them. */
static void account_area(struct area *a, bool in)
{
	struct mm *mm = a->mm;
	uint64_t n = area_pages(a, mm->host->geometry.page_bits);
	uint64_t delta = in ? n : -n;

	if (a->flags & VM_F_ONLY_SHOWN)
		return;
	mm->total += delta;
	if ((a->flags & (VM_F_EXEC | VM_F_WRITE | VM_F_GROWSDOWN)) == VM_F_EXEC)
		mm->exec += delta;
	else if (a->flags & VM_F_GROWSDOWN)
		mm->stack += delta;
	else if ((a->flags & (VM_F_WRITE | VM_F_SHARED)) == VM_F_WRITE)
		mm->data += delta;
	if (a->flags & VM_F_LOCKED)
		mm->locked += delta;
	mm->total_peak = MAX(mm->total_peak, mm->total);
}

static bool may_write_file(const struct area *a)
{
	return (a->flags & (VM_F_SHARED | VM_F_MAYWRITE)) == (VM_F_SHARED | VM_F_MAYWRITE);
}

struct area *area_new(struct mm *mm, va_t start, va_t end, uint32_t flags, uint64_t pgoff, struct file *file,
		      struct vm_inode *inode)
{
	struct area *a = g_new0(struct area, 1);

	a->mm = mm;
	a->start = start;
	a->end = end;
	a->flags = flags;
	a->pgoff = pgoff;
	a->file = file ? file_retain(file) : NULL;
	a->inode = inode ? vm_inode_retain(inode) : NULL;
	a->page_prot = area_page_flags(a);
	return a;
}

struct area *area_copy(const struct area *a, struct mm *mm, va_t start, va_t end, uint64_t pgoff)
{
	struct area *copy = area_new(mm, start, end, a->flags, pgoff, a->file, a->inode);

	copy->special = a->special;
	return copy;
}

/* The free space below `a` has changed. */
static void refresh_gap(struct area *a)
{
	struct area *below = area_prev(a);

	a->gap = a->start - (below ? below->end : 0);
	tree_refresh(&a->mm->areas, &a->node);
}

void area_link(struct area *a)
{
	struct area *above;

	tree_insert(&a->mm->areas, &a->node);
	refresh_gap(a);
	above = area_next(a);
	if (above)
		refresh_gap(above);
	if (a->inode) {
		tree_insert(&a->inode->mappings, &a->shared);
		a->inode->writable_maps += may_write_file(a);
	}
	account_area(a, true);
}

void area_unlink(struct area *a)
{
	struct area *above = area_next(a);

	account_area(a, false);
	if (a->inode) {
		tree_remove(&a->inode->mappings, &a->shared);
		a->inode->writable_maps -= may_write_file(a);
	}
	tree_remove(&a->mm->areas, &a->node);
	if (above)
		refresh_gap(above);
}

void area_free(struct area *a)
{
	anon_unlink(a);
	if (a->file)
		file_release(a->file);
	if (a->inode)
		vm_inode_release(a->inode);
	g_free(a);
}

void area_set_bounds(struct area *a, va_t start, va_t end, uint64_t pgoff)
{
	bool moved = pgoff != a->pgoff;
	struct area *above;

	account_area(a, false);
	if (moved) {
		anon_area_moved(a, true);
		if (a->inode)
			tree_remove(&a->inode->mappings, &a->shared);
	}
	a->start = start;
	a->end = end;
	a->pgoff = pgoff;
	if (moved && a->inode)
		tree_insert(&a->inode->mappings, &a->shared);
	else if (a->inode)
		tree_refresh(&a->inode->mappings, &a->shared);
	anon_area_moved(a, false);
	account_area(a, true);
	refresh_gap(a);
	above = area_next(a);
	if (above)
		refresh_gap(above);
}

void area_set_flags(struct area *a, uint32_t flags)
{
	account_area(a, false);
	a->flags = flags;
	a->page_prot = area_page_flags(a);
	account_area(a, true);
}

struct area *area_split(struct area *a, va_t at)
{
	unsigned bits = a->mm->host->geometry.page_bits;
	struct area *upper = area_copy(a, a->mm, at, a->end, a->pgoff + ((at - a->start) >> bits));

	assert(a->start < at && at < a->end);
	if (a->mm->table.deposit)                        /* it has transparent huge pages */
		pages_split_huge(a->mm, at);
	area_set_bounds(a, a->start, at, a->pgoff);
	upper->robbed = a->robbed;
	if (a->anon) {
		anon_retain(a->anon);
		upper->anon = a->anon;
		anon_clone(upper, a);
	}
	area_link(upper);
	return upper;
}

/* ---- the public view ---- */

static void show_area(const struct area *a, struct vm_area *out)
{
	const struct mm *mm = a->mm;
	bool plain = !a->inode && !a->special;

	*out = (struct vm_area){
		.start = a->start,
		.end = a->end,
		.flags = a->flags,
		.offset = a->inode ? a->pgoff << mm->host->geometry.page_bits : 0,
		.inode = a->inode,
		.special = a->special,
		.heap = plain && a->start < mm->brk && a->end > mm->start_brk,
	};
	out->stack = plain && !out->heap && a->start <= mm->start_stack && a->end >= mm->start_stack;
}

bool vm_area_above(const struct vm_proc *p, va_t at, struct vm_area *out)
{
	return vm_areas(p, at, out, 1) == 1;
}

/* Not step by step with tree_next(): 60,000 areas are listed in a quarter less time with the way down at hand. */
size_t vm_areas(const struct vm_proc *p, va_t at, struct vm_area *out, size_t n)
{
	struct tree_node *way[256], *t = p->mm ? p->mm->areas.root : NULL;
	unsigned depth = 0;
	size_t done = 0;

	while (t) {
		assert(depth < G_N_ELEMENTS(way)); /* a treap of 2^40 nodes is about 120 deep */
		if (area_of(t)->end > at) {
			way[depth++] = t;
			t = t->left;
		} else {
			t = t->right;
		}
	}
	while (depth && done < n) {
		t = way[--depth];
		show_area(area_of(t), &out[done++]);
		for (t = t->right; t; t = t->left) {
			assert(depth < G_N_ELEMENTS(way));
			__builtin_prefetch(t->right);
			way[depth++] = t;
		}
	}
	return done;
}

uint64_t vm_area_count(const struct vm_proc *p)
{
	return p->mm ? p->mm->areas.count : 0;
}

const char *vm_area_special(const struct vm_proc *p, va_t start)
{
	const struct area *a = p->mm ? shown_above(p->mm, start) : NULL;

	return a && a->start <= start ? a->special : NULL;
}
