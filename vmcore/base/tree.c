/* tree.c - the treap: heap-ordered priorities keep it balanced in expectation. */
#include "tree.h"

void tree_init(struct tree *t, bool (*before)(const struct tree_node *, const struct tree_node *),
	       void (*refresh)(struct tree_node *))
{
	*t = (struct tree){ .before = before, .refresh = refresh };
}

static uint32_t next_priority(struct tree *t)
{
	uint32_t x = t->sequence += 0x9e3779b9u;

	x = (x ^ (x >> 16)) * 0x85ebca6bu;
	x = (x ^ (x >> 13)) * 0xc2b2ae35u;
	return x ^ (x >> 16);
}

static void replace_child(struct tree *t, struct tree_node *parent, struct tree_node *old,
			  struct tree_node *new)
{
	if (!parent)
		t->root = new;
	else if (parent->left == old)
		parent->left = new;
	else
		parent->right = new;
	if (new)
		new->parent = parent;
}

/* Turns `n` above its parent. */
static void rotate_up(struct tree *t, struct tree_node *n)
{
	struct tree_node *p = n->parent, *inner;

	replace_child(t, p->parent, p, n);
	if (p->left == n) {
		inner = n->right;
		p->left = inner;
		n->right = p;
	} else {
		inner = n->left;
		p->right = inner;
		n->left = p;
	}
	if (inner)
		inner->parent = p;
	p->parent = n;
	if (t->refresh)
		t->refresh(p);
}

static void refresh_path(struct tree *t, struct tree_node *n)
{
	if (t->refresh)
		for (; n; n = n->parent)
			t->refresh(n);
}

void tree_refresh(struct tree *t, struct tree_node *n)
{
	refresh_path(t, n);
}

void tree_insert(struct tree *t, struct tree_node *n)
{
	struct tree_node *parent = NULL, **at = &t->root;

	while (*at) {
		parent = *at;
		at = t->before(n, parent) ? &parent->left : &parent->right;
	}
	*n = (struct tree_node){ .parent = parent, .priority = next_priority(t) };
	*at = n;
	while (n->parent && n->priority > n->parent->priority)
		rotate_up(t, n);
	refresh_path(t, n);
	t->count++;
}

void tree_remove(struct tree *t, struct tree_node *n)
{
	struct tree_node *parent;

	while (n->left && n->right)
		rotate_up(t, n->left->priority > n->right->priority ? n->left : n->right);
	parent = n->parent;
	replace_child(t, parent, n, n->left ? n->left : n->right);
	refresh_path(t, parent);
	t->count--;
}

struct tree_node *tree_first(const struct tree *t)
{
	struct tree_node *n = t->root;

	while (n && n->left)
		n = n->left;
	return n;
}

struct tree_node *tree_last(const struct tree *t)
{
	struct tree_node *n = t->root;

	while (n && n->right)
		n = n->right;
	return n;
}

struct tree_node *tree_next(const struct tree_node *n)
{
	if (n->right) {
		for (n = n->right; n->left; n = n->left)
			;
		return (struct tree_node *)n;
	}
	while (n->parent && n->parent->right == n)
		n = n->parent;
	return n->parent;
}

struct tree_node *tree_prev(const struct tree_node *n)
{
	if (n->left) {
		for (n = n->left; n->right; n = n->right)
			;
		return (struct tree_node *)n;
	}
	while (n->parent && n->parent->left == n)
		n = n->parent;
	return n->parent;
}
