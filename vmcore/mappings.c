/* mappings.c - the areas that map a file, by the pages that they map. */
#include "dir.h"
#include "mm.h"

static struct area *area_of_shared(struct tree_node *n)
{
	return n ? tree_entry(n, struct area, shared) : NULL;
}

static bool mapping_before(const struct tree_node *a, const struct tree_node *b)
{
	return tree_entry(a, struct area, shared)->pgoff < tree_entry(b, struct area, shared)->pgoff;
}

static void mapping_refresh(struct tree_node *n)
{
	struct area *a = area_of_shared(n), *left = area_of_shared(n->left), *right = area_of_shared(n->right);

	a->shared_last = area_last_page(a);
	if (left)
		a->shared_last = MAX(a->shared_last, left->shared_last);
	if (right)
		a->shared_last = MAX(a->shared_last, right->shared_last);
}

void mappings_init(struct tree *t)
{
	tree_init(t, mapping_before, mapping_refresh);
}

/* The first area in the subtree, in order of pgoff, that meets [first, last]. */
static struct area *first_in(struct tree_node *n, uint64_t first, uint64_t last)
{
	while (n) {
		struct area *a = area_of_shared(n), *left = area_of_shared(n->left);

		if (left && left->shared_last >= first) {
			n = n->left;
			continue;
		}
		if (a->pgoff > last)
			return NULL;
		if (area_last_page(a) >= first)
			return a;
		n = n->right && area_of_shared(n->right)->shared_last >= first ? n->right : NULL;
	}
	return NULL;
}

struct area *inode_mapping_next(const struct vm_inode *i, uint64_t first, uint64_t last, struct area *cursor)
{
	struct tree_node *n;

	if (!cursor)
		return first_in(i->mappings.root, first, last);
	for (n = &cursor->shared;;) {
		struct area *a = n->right && area_of_shared(n->right)->shared_last >= first
				 ? first_in(n->right, first, last) : NULL;

		if (a)
			return a;
		while (n->parent && n->parent->right == n)
			n = n->parent;
		n = n->parent;
		if (!n || area_of_shared(n)->pgoff > last)
			return NULL;
		if (area_last_page(area_of_shared(n)) >= first)
			return area_of_shared(n);
	}
}
