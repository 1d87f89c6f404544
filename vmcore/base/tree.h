/*
 * tree.h - an intrusive, augmented search tree (a treap).
 *
 * The node is embedded in the caller's struct; the tree allocates nothing. `before` gives the order
 * (nodes of equal order keep the order of insertion). `refresh`, if set, recomputes what a node
 * caches of its subtree (its own value and its two children's caches): the largest gap or the
 * largest end, which makes hole searches and interval queries logarithmic.
 * Priorities come from a fixed sequence, so a tree's shape depends on the calls alone.
 */
#ifndef BASE_TREE_H
#define BASE_TREE_H

#include "units.h"

struct tree_node {
	struct tree_node *left, *right, *parent;
	uint32_t priority;
};

struct tree {
	struct tree_node *root;
	bool (*before)(const struct tree_node *a, const struct tree_node *b);
	void (*refresh)(struct tree_node *n); /* may be NULL */
	uint64_t count;
	uint32_t sequence;
};

#define tree_entry(node, type, member) ((type *)((char *)(node) - offsetof(type, member)))

void tree_init(struct tree *t, bool (*before)(const struct tree_node *, const struct tree_node *),
	       void (*refresh)(struct tree_node *));
void tree_insert(struct tree *t, struct tree_node *n);
void tree_remove(struct tree *t, struct tree_node *n);
/* To be called when a node's own value, but not its place in the order, has changed. */
void tree_refresh(struct tree *t, struct tree_node *n);

struct tree_node *tree_first(const struct tree *t);
struct tree_node *tree_last(const struct tree *t);
struct tree_node *tree_next(const struct tree_node *n);
struct tree_node *tree_prev(const struct tree_node *n);

#endif
