/* check_area.c - areas counted again: their order, the gaps, the trees they hang in, the anons. */
#include "check.h"
#include "file.h"
#include "inode.h"

#include <inttypes.h>

static struct anon_link *link_of(struct tree_node *n)
{
	return n ? tree_entry(n, struct anon_link, node) : NULL;
}

static struct area *area_of_shared(struct tree_node *n)
{
	return n ? tree_entry(n, struct area, shared) : NULL;
}

static bool hangs_in(const struct tree *t, const struct tree_node *n)
{
	while (n->parent) {
		if (n->parent->left != n && n->parent->right != n)
			return false;
		n = n->parent;
	}
	return t->root == n;
}

/* Bounds, and what the trees cache of them. */
static void check_place(struct check *c, const struct area *a, va_t before)
{
	const struct area *left = area_of(a->node.left), *right = area_of(a->node.right);
	uint64_t most = a->gap;
	int32_t pid = a->mm->owner->pid;

	if (a->start >= a->end || a->start < before || !page_aligned(c->h, a->start | a->end))
		check_wrong(c, "process %d: area 0x%" PRIx64 "-0x%" PRIx64 " overlaps or is no range of pages", pid, a->start,
			    a->end);
	if (a->end > mm_top(c->h) && !(a->flags & VM_F_ONLY_SHOWN))
		check_wrong(c, "process %d: area 0x%" PRIx64 " ends beyond the address space", pid, a->start);
	if (a->gap != a->start - before)
		check_wrong(c, "process %d: the gap below area 0x%" PRIx64 " is 0x%" PRIx64 ", not 0x%" PRIx64, pid, a->start,
			    a->start - before, a->gap);
	most = MAX(most, left ? left->max_gap : 0);
	most = MAX(most, right ? right->max_gap : 0);
	if (a->max_gap != most)
		check_wrong(c, "process %d: the largest gap around area 0x%" PRIx64 " is 0x%" PRIx64 ", not 0x%" PRIx64, pid,
			    a->start, most, a->max_gap);
	if (!hangs_in(&a->mm->areas, &a->node))
		check_wrong(c, "process %d: area 0x%" PRIx64 " hangs in no tree of areas", pid, a->start);
	if (a->page_prot != area_page_flags(a))
		check_wrong(c, "process %d: area 0x%" PRIx64 " has page permissions 0x%x, not 0x%x", pid, a->start,
			    a->page_prot, area_page_flags(a));
}

static void check_mapping(struct check *c, const struct area *a)
{
	const struct area *left = area_of_shared(a->shared.left), *right = area_of_shared(a->shared.right);
	uint64_t last = area_last_page(a);

	if (a->file)
		check_seen(c->files, a->file)->refs++;
	if (a->file && a->file->inode != a->inode)
		check_wrong(c, "process %d: area 0x%" PRIx64 " and its description name different files",
			    a->mm->owner->pid, a->start);
	if (!a->inode)
		return;
	check_seen(c->inodes, a->inode)->refs++;
	check_seen(c->inodes, a->inode)->active++;
	last = MAX(last, left ? left->shared_last : 0);
	last = MAX(last, right ? right->shared_last : 0);
	if (!hangs_in(&a->inode->mappings, &a->shared) || a->shared_last != last)
		check_wrong(c, "process %d: area 0x%" PRIx64 " is not right among the mappings of file %" PRIu64,
			    a->mm->owner->pid, a->start, a->inode->number);
}

static void check_links(struct check *c, const struct area *a)
{
	bool own = !a->anon;

	if (a->anon) {
		struct seen *s = check_seen(c->anons, a->anon);

		s->refs++;
		s->active++;
	}
	for (const struct anon_link *l = a->links; l; l = l->next) {
		const struct anon_link *left = link_of(l->node.left), *right = link_of(l->node.right);
		uint64_t last = area_last_page(a);

		last = MAX(last, left ? left->last : 0);
		last = MAX(last, right ? right->last : 0);
		check_seen(c->anons, l->anon)->refs++;
		own |= l->anon == a->anon;
		if (l->area != a || !hangs_in(&l->anon->links, &l->node) || l->last != last)
			check_wrong(c, "process %d: area 0x%" PRIx64 " is not right among the areas of an anon",
				    a->mm->owner->pid, a->start);
	}
	if (!own)
		check_wrong(c, "process %d: area 0x%" PRIx64 " does not hang on its own anon", a->mm->owner->pid, a->start);
}

/* The mm's counts of pages, as Linux keeps them (vm_stat_account). */
struct counts { uint64_t total, exec, stack, data, locked; };

static void add_area(struct counts *s, const struct area *a)
{
	uint64_t n = area_pages(a, a->mm->host->geometry.page_bits);

	if (a->flags & VM_F_ONLY_SHOWN)
		return;
	s->total += n;
	if (a->flags & VM_F_GROWSDOWN)
		s->stack += n;
	else if ((a->flags & (VM_F_EXEC | VM_F_WRITE)) == VM_F_EXEC)
		s->exec += n;
	else if ((a->flags & (VM_F_WRITE | VM_F_SHARED)) == VM_F_WRITE)
		s->data += n;
	if (a->flags & VM_F_LOCKED)
		s->locked += n;
}

static void compare(struct check *c, const struct mm *mm, const char *what, uint64_t counted, uint64_t found)
{
	if (counted != found)
		check_wrong(c, "process %d: %" PRIu64 " pages %s, %" PRIu64 " found", mm->owner->pid, counted, what, found);
}

void check_areas(struct check *c, const struct mm *mm)
{
	struct counts s = { 0 };
	uint64_t n = 0;
	va_t before = 0;

	for (struct area *a = area_of(tree_first(&mm->areas)); a; a = area_next(a), n++) {
		check_place(c, a, before);
		check_mapping(c, a);
		check_links(c, a);
		add_area(&s, a);
		if (a->flags & VM_F_ACCOUNT)
			c->committed += area_pages(a, c->h->geometry.page_bits);
		if (a->mm != mm)
			check_wrong(c, "process %d: area 0x%" PRIx64 " names another address space", mm->owner->pid, a->start);
		before = a->end;
	}
	if (n != mm->areas.count)
		check_wrong(c, "process %d: %" PRIu64 " areas counted, %" PRIu64 " found", mm->owner->pid, mm->areas.count, n);
	compare(c, mm, "in all", mm->total, s.total);
	compare(c, mm, "of code", mm->exec, s.exec);
	compare(c, mm, "of stack", mm->stack, s.stack);
	compare(c, mm, "of data", mm->data, s.data);
	compare(c, mm, "locked", mm->locked - mm->locked_excess, s.locked);
}

/* An anon is referred to by areas, links, frames (counted by now) and the anons forked from it. */
static void add_ancestors(struct check *c)
{
	g_autoptr(GPtrArray) todo = g_ptr_array_new();
	GHashTableIter it;
	gpointer key;

	g_hash_table_iter_init(&it, c->anons);
	while (g_hash_table_iter_next(&it, &key, NULL))
		g_ptr_array_add(todo, key);
	for (guint k = 0; k < todo->len; k++) {
		const struct anon *n = g_ptr_array_index(todo, k);

		if (!g_hash_table_contains(c->anons, n->parent))
			g_ptr_array_add(todo, n->parent);
		check_seen(c->anons, n->parent)->refs += n->parent != n;
		check_seen(c->anons, n->parent)->children += n->links.root != NULL;
	}
}

void check_anons(struct check *c)
{
	GHashTableIter it;
	gpointer key, value;

	add_ancestors(c);
	g_hash_table_iter_init(&it, c->anons);
	while (g_hash_table_iter_next(&it, &key, &value)) {
		const struct anon *n = key;
		const struct seen *s = value;

		if (n->refs != s->refs || n->active != s->active || n->children != s->children)
			check_wrong(c, "an anon: %u references, %u areas, %u children counted; %" PRIu64 ", %u, %u found",
				    n->refs, n->active, n->children, s->refs, s->active, s->children);
	}
}
