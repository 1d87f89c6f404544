/*
 * anon.c - who shares anonymous pages, and from a frame to every entry that maps it.
 *
 * An area gets its anon when its first page is written, if it can, a neighbour's, so that both may merge later. What
 * it maps afterwards belongs to that anon. A fork gives the child's area an anon of its own, a child of the
 * parent's; frames from before the fork still name the parent's. So an area hangs on its own anon and on those of
 * all ancestors, by links, newest first; and a frame's mappings are found among the areas that hang on its anon:
 * those whose page offsets cover the frame's index.
 *
 * An anon counts the areas that own it (active) and the anons forked from it (children). One without owners and
 * with at most one child may be taken over by a fork, so that a process that forks in turn, generation after
 * generation, does not collect links without end.
 */
#include "hugetlb.h"
#include "inode.h"
#include "proc.h"

static struct anon_link *link_of(struct tree_node *n)
{
	return tree_entry(n, struct anon_link, node);
}

static bool link_before(const struct tree_node *a, const struct tree_node *b)
{
	return tree_entry(a, struct anon_link, node)->area->pgoff < tree_entry(b, struct anon_link, node)->area->pgoff;
}

static void link_refresh(struct tree_node *n)
{
	struct anon_link *l = link_of(n);

	l->last = area_last_page(l->area);
	if (n->left)
		l->last = MAX(l->last, link_of(n->left)->last);
	if (n->right)
		l->last = MAX(l->last, link_of(n->right)->last);
}

static struct anon *anon_new(struct anon *parent)
{
	struct anon *n = g_new0(struct anon, 1);

	n->refs = 1;
	n->parent = parent ? parent : n;
	n->root = parent ? parent->root : n;
	n->parent->children++;
	if (parent)
		anon_retain(parent);
	tree_init(&n->links, link_before, link_refresh);
	return n;
}

void anon_retain(struct anon *n)
{
	n->refs++;
}

/* An anon keeps its parent, so a whole line of ancestors may end here. */
void anon_release(struct anon *n)
{
	while (--n->refs == 0) {
		struct anon *parent = n->parent == n ? NULL : n->parent;

		assert(!n->links.root && n->active == 0);
		g_free(n);
		if (!parent)
			return;
		n = parent;
	}
}

static struct anon_link *link_new(struct area *a, struct anon *anon)
{
	struct anon_link *l = g_new0(struct anon_link, 1);

	l->anon = anon;
	l->area = a;
	anon_retain(anon);
	tree_insert(&anon->links, &l->node);
	return l;
}

static void add_own_link(struct area *a)
{
	struct anon_link *l = link_new(a, a->anon);

	l->next = a->links;
	a->links = l;
	a->anon->active++;
}

/* Could `a` and `b`, side by side, become one area if their permissions were equal? */
static bool same_but_prot(const struct area *a, const struct area *b)
{
	const uint32_t prot = VM_F_READ | VM_F_WRITE | VM_F_EXEC;

	return a->end == b->start && a->file == b->file && a->inode == b->inode &&
	       !((a->flags ^ b->flags) & ~prot) &&
	       b->pgoff == a->pgoff + area_pages(a, a->mm->host->geometry.page_bits);
}

/* The anon of a neighbour that did not inherit from a fork. */
static struct anon *neighbours_anon(const struct area *a)
{
	const struct area *next = area_next(a), *prev = area_prev(a);

	if (next && next->anon && !next->links->next && same_but_prot(a, next))
		return next->anon;
	if (prev && prev->anon && !prev->links->next && same_but_prot(prev, a))
		return prev->anon;
	return NULL;
}

int anon_prepare(struct area *a)
{
	struct anon *n;

	if (a->anon)
		return 0;
	n = neighbours_anon(a);
	if (n)
		anon_retain(n);
	else
		n = anon_new(NULL);
	a->anon = n;
	add_own_link(a);
	return 0;
}

/* Gives `dst` a link to every anon that `src` hangs on. dst->anon, if already set, is retained by the caller. */
void anon_clone(struct area *dst, const struct area *src)
{
	struct anon_link **tail = &dst->links;
	struct anon *spare = NULL;

	while (*tail)
		tail = &(*tail)->next;
	for (const struct anon_link *l = src->links; l; l = l->next) {
		*tail = link_new(dst, l->anon);
		tail = &(*tail)->next;
		if (l->anon->active == 0 && l->anon->children < 2)
			spare = l->anon; /* the oldest one wins */
	}
	if (!dst->anon && src->anon && spare) {
		anon_retain(spare);
		dst->anon = spare;
	}
	if (dst->anon)
		dst->anon->active++;
}

void anon_fork(struct area *child, const struct area *parent)
{
	assert(!child->anon && !child->links);
	if (!parent->anon)
		return;
	anon_clone(child, parent);
	if (child->anon)
		return;
	child->anon = anon_new(parent->anon);
	add_own_link(child);
}

void anon_unlink(struct area *a)
{
	while (a->links) {
		struct anon_link *l = a->links;

		a->links = l->next;
		tree_remove(&l->anon->links, &l->node);
		if (!l->anon->links.root)
			l->anon->parent->children--;
		anon_release(l->anon);
		g_free(l);
	}
	if (a->anon) {
		a->anon->active--;
		anon_release(a->anon);
		a->anon = NULL;
	}
}

void anon_area_moved(struct area *a, bool before)
{
	for (struct anon_link *l = a->links; l; l = l->next) {
		if (before) {
			tree_remove(&l->anon->links, &l->node);
			l->node.parent = NULL; /* out of the tree */
		} else if (l->node.parent || l->anon->links.root == &l->node) {
			tree_refresh(&l->anon->links, &l->node);
		} else {
			tree_insert(&l->anon->links, &l->node);
		}
	}
}

/* ---- from a frame to its mappings ---- */

struct walk {
	uint64_t index;
	unsigned page_bits;
	bool (*each)(void *arg, struct area *a, va_t va);
	void *arg;
};

static bool walk_area(const struct walk *w, struct area *a)
{
	return w->each(w->arg, a, a->start + ((w->index - a->pgoff) << w->page_bits));
}

static bool walk_links(const struct walk *w, struct tree_node *n)
{
	for (; n && link_of(n)->last >= w->index; n = n->right) {
		struct area *a = link_of(n)->area;

		if (!walk_links(w, n->left))
			return false;
		if (a->pgoff > w->index)
			break;
		if (area_last_page(a) >= w->index && !walk_area(w, a))
			return false;
	}
	return true;
}

/* Of a page that is mapped once, the entry that page_map() made is mostly there still. */
bool frame_sole(const struct vm_host *h, pfn_t pfn, struct sole *out)
{
	const struct mmu_format *m = &h->mmu.format;
	const struct frame *f = frame_of(h, pfn), *t;
	pa_t at = f->entry - 1;
	uint64_t raw;

	if (f->maps != 1 || !f->entry || m->levels == 0 || (f->flags & (FRAME_HUGE_HEAD | FRAME_HUGE_TAIL | FRAME_HUGETLB)))
		return false;
	t = frame_of(h, at >> m->page_bits);
	if (t->use != VM_FRAME_TABLE || !t->mm || t->level != m->levels || t->sharers != 1 || t->order ||
	    (t->flags & (TABLE_POKED | TABLE_SHARED)))
		return false;
	raw = pte_load(m, h->ram + at);
	if (!(raw & m->valid) || (raw >> m->ppn_shift & m->ppn_mask) != pfn)
		return false;
	*out = (struct sole){ t->mm, t->index + ((at & (page_size(h) - 1)) >> m->pte_shift), at, raw };
	return true;
}

void rmap_walk(struct vm_host *h, pfn_t pfn, bool (*each)(void *arg, struct area *a, va_t va), void *arg)
{
	const struct frame *own = frame_of(h, pfn);
	pfn_t first = own->flags & FRAME_HUGETLB ? pfn & -((pfn_t)1 << own->order) : pfn;
	const struct frame *f = frame_of(h, first);
	struct walk w = { f->index + (pfn - first), h->geometry.page_bits, each, arg };
	struct area *a = NULL;
	struct sole s;

	if (frame_sole(h, pfn, &s))
		a = area_at(s.mm, s.vpn << w.page_bits);
	if (a) {
		each(arg, a, s.vpn << w.page_bits);
		return;
	}
	if (frame_kind(f) == VM_FRAME_ANON && f->anon)
		walk_links(&w, f->anon->links.root);
	else if (frame_kind(f) == VM_FRAME_FILE && f->inode)
		while ((a = inode_mapping_next(f->inode, w.index, w.index, a)))
			if (!walk_area(&w, a))
				return;
}

struct unmap { pfn_t pfn; uint32_t slot; };

static bool unmap_one(void *arg, struct area *a, va_t va)
{
	const struct unmap *u = arg;

	page_unmap(a, va, u->pfn, u->slot);
	return true;
}

bool rmap_unmap(struct vm_host *h, pfn_t pfn, uint32_t slot)
{
	struct unmap u = { pfn, slot };
	struct sole s;

	if (!frame_sole(h, pfn, &s) || !page_unmap_sole(&s, pfn, slot))
		rmap_walk(h, pfn, unmap_one, &u);
	return frame_of(h, pfn)->maps == 0;
}

uint32_t page_mapcount(const struct vm_host *h, const struct span *s, pfn_t pfn)
{
	const struct frame *f = frame_of(h, pfn);

	return f->maps > 1 ? f->maps : s->sharers;
}
