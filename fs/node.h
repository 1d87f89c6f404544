/*
 * node.h - the nodes that the kernel knows, and the numbers by which it knows them.
 *
 * A node becomes known when it is looked up and is forgotten when the kernel has dropped every look-up and nobody
 * holds it. Numbers are never given twice in a mount: slot in the low 32 bits, how often the slot was used above.
 *
 * The kernel lets one write(2) at a time into an inode, and a command may wait long in its write. So a file in which a
 * command waits gets another number when it is looked up again: open(2) of the old one answers ESTALE, upon which the
 * kernel looks again. Only who had it open before still waits for the first writer.
 */
#ifndef FS_NODE_H
#define FS_NODE_H

#include "tree.h"

struct content;

struct known {
	struct node n;
	uint64_t id;
	uint64_t lookups;         /* the kernel's */
	uint32_t holds;           /* children and open files */
	uint32_t waiting;         /* commands that wait in a write to it */
	struct known *parent;     /* where it was looked up last; NULL: the root */
	const char *name;         /* the row's own, or to be freed */
	struct content *content;  /* open.c: the latest rendering, or NULL */
	uint64_t told;            /* entry.c: at which count of changes the kernel was told its attributes; 0: never */
	uint64_t read_generation, kept_generation; /* ops_file.c: of its last open to be read, and of its last through the kernel's cache */
	bool opened;             /* ops_file.c: ever, since it is known */
	uint64_t size, size_generation; /* open.c: of its content, as it was then; generation 0: never known */
};

/* `path`: of the root in the tree, "" for the tree's own. */
struct knowns *knowns_new(struct world *w, const struct node *root, const char *path);
void knowns_free(struct knowns *all);
/* The mount's root, whose id is 1. */
struct known *known_root(struct world *w);
/* NULL for a number that means nothing any more. */
struct known *known_at(struct world *w, uint64_t id);
/* The node under that parent and name, known from now on. Each call is one look-up, given back by known_forget(). */
struct known *known_lookup(struct world *w, struct known *parent, const char *name, const struct node *n);
void known_forget(struct world *w, struct known *k, uint64_t lookups);
/* Keeps it known while it is in use. */
struct known *known_hold(struct known *k);
void known_drop(struct world *w, struct known *k);
/* NULL unless the node is known. */
struct known *known_of(struct world *w, const struct node *n);
size_t known_count(const struct world *w);
/* A node has another name now: if it is known, that is where it is. */
void known_renamed(struct world *w, const struct node *n, const struct node *parent, const char *name);
/*
 * The path by which tree_path() and disk_path() (disk.h) find the node, whoever asks: it names processes by their own numbers, and a file of
 * the simulated disk whose name is gone by its inode's. NULL: nobody finds it any more. Free with g_free().
 */
char *node_name(const struct node *n);

#endif
