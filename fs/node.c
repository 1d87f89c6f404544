/* node.c - identity of nodes; the table of those that the kernel knows. */
#include "disk.h"
#include "node.h"
#include "open.h"
#include "world.h"

#include <string.h>

enum { PLACES_AT_FIRST = 1 << 6 };

guint node_hash(const struct node *n)
{
	uint64_t h = (uintptr_t)n->row - (uintptr_t)&root_row;  /* not where the program was loaded */

	h = (h ^ n->host) * 0x9e3779b97f4a7c15u;
	h = (h ^ h >> 29 ^ n->process) * 0xbf58476d1ce4e5b9u;
	h = (h ^ h >> 32 ^ n->arg) * 0x94d049bb133111ebu;
	h = (h ^ h >> 29 ^ n->arg2 ^ (uint64_t)n->format << 60) * 0x9e3779b97f4a7c15u;
	return (guint)(h >> 32 ^ h);
}

bool node_equal(const struct node *a, const struct node *b)
{
	return a->row == b->row && a->host == b->host && a->process == b->process && a->arg == b->arg &&
	       a->arg2 == b->arg2 && a->format == b->format;
}

struct slot {
	struct known *known;  /* NULL: free */
	uint32_t used;        /* how often it was given out before */
	uint32_t next_free;
};

/*
 * By node: open addressing with linear probing. What is known of one process lies side by side, where it is looked up one after
 * the other: with a hundred thousand processes each place elsewhere is a cache miss.
 */
struct place { uint32_t hash, slot; };  /* slot 0: free */

struct knowns {
	struct place *places; /* by the low bits of their hash */
	uint32_t mask, count; /* places less one; those that are taken, at most two thirds */
	GArray *slots;        /* struct slot; the first is never used, the second is the root's */
	uint32_t free;        /* first free slot; 0: none */
	struct known *root;
};

static struct slot *slot_at(const struct knowns *all, uint32_t i)
{
	return &g_array_index(all->slots, struct slot, i);
}

/* Those of one process differ in the lowest bits, and in those that are the last to matter. */
static uint32_t place_hash(const struct node *n)
{
	uint32_t row = (uint32_t)(((uintptr_t)n->row - (uintptr_t)&root_row) / sizeof *n->row) + n->format;
	struct node process = *n;

	if (!n->process)
		return node_hash(n);
	process.row = &root_row;
	process.format = FORMAT_TEXT;
	return node_hash(&process) << 3 ^ (row & 7) ^ row >> 3 << 24;
}

/* Where the node is, or the free place where it would be. */
static uint32_t find_place(const struct knowns *all, const struct node *n, uint32_t hash)
{
	uint32_t i = hash & all->mask;

	while (all->places[i].slot &&
	       !(all->places[i].hash == hash && node_equal(n, &slot_at(all, all->places[i].slot)->known->n)))
		i = (i + 1) & all->mask;
	return i;
}

static void grow_places(struct knowns *all)
{
	g_autofree struct place *before = all->places;
	uint32_t places = all->mask + 1;

	all->mask = places * 2 - 1;
	all->places = g_new0(struct place, places * 2);
	for (uint32_t k = 0; k < places; k++) {
		uint32_t i = before[k].hash & all->mask;

		while (before[k].slot && all->places[i].slot)
			i = (i + 1) & all->mask;
		if (before[k].slot)
			all->places[i] = before[k];
	}
}

/* Under its node this one is found from now on. */
static void take_place(struct knowns *all, const struct node *n, uint32_t slot)
{
	uint32_t hash = place_hash(n), i = find_place(all, n, hash);

	all->count += !all->places[i].slot;
	all->places[i] = (struct place){ hash, slot };
	if (all->count > all->mask / 3 * 2)
		grow_places(all);
}

/* Nothing may be found beyond a free place: what follows moves up. */
static void free_place(struct knowns *all, uint32_t i)
{
	uint32_t hole = i;

	while (all->places[i = (i + 1) & all->mask].slot) {
		uint32_t wanted = all->places[i].hash & all->mask;

		if (((i - wanted) & all->mask) >= ((i - hole) & all->mask)) {
			all->places[hole] = all->places[i];
			hole = i;
		}
	}
	all->places[hole].slot = 0;
	all->count--;
}

/* Most names are the row's, and there are a hundred thousand of them. */
static const char *name_for(const struct node *n, const char *name)
{
	return n->row->name && !strcmp(n->row->name, name) ? n->row->name : g_strdup(name);
}

static void free_name(struct known *k)
{
	if (k->name != k->n.row->name)
		g_free((char *)k->name);
}

static struct known *add(struct knowns *all, struct known *parent, const char *name, const struct node *n)
{
	struct known *k = g_new0(struct known, 1);
	uint32_t i = all->free;

	if (i) {
		all->free = slot_at(all, i)->next_free;
	} else {
		i = all->slots->len;
		g_array_set_size(all->slots, i + 1);
	}
	slot_at(all, i)->known = k;
	k->n = *n;
	k->id = (uint64_t)slot_at(all, i)->used << 32 | i;
	k->parent = parent ? known_hold(parent) : NULL;
	k->name = name_for(n, name);
	take_place(all, &k->n, i);
	return k;
}

struct knowns *knowns_new(struct world *w, const struct node *root, const char *path)
{
	struct knowns *all = g_new0(struct knowns, 1);

	all->mask = PLACES_AT_FIRST - 1;
	all->places = g_new0(struct place, PLACES_AT_FIRST);
	all->slots = g_array_new(FALSE, TRUE, sizeof(struct slot));
	g_array_set_size(all->slots, 1);
	all->root = add(all, NULL, path, root);
	known_hold(all->root);
	return all;
}

static void forget(struct world *w, struct known *k)
{
	struct knowns *all = w->knowns;
	uint32_t i = (uint32_t)k->id;
	struct slot *s = slot_at(all, i);
	uint32_t place = find_place(all, &k->n, place_hash(&k->n));

	content_forget(w, k);
	if (all->places[place].slot == i)  /* not when another number has taken its place */
		free_place(all, place);
	s->known = NULL;
	s->used++;
	s->next_free = all->free;
	all->free = i;
	if (k->parent)
		known_drop(w, k->parent);
	free_name(k);
	g_free(k);
}

void knowns_free(struct knowns *all)
{
	if (!all)
		return;
	for (guint i = 0; i < all->slots->len; i++) {
		struct known *k = slot_at(all, i)->known;

		if (!k)
			continue;
		content_forget(k->n.world, k);
		free_name(k);
		g_free(k);
	}
	g_free(all->places);
	g_array_free(all->slots, TRUE);
	g_free(all);
}

struct known *known_root(struct world *w)
{
	return w->knowns->root;
}

struct known *known_at(struct world *w, uint64_t id)
{
	struct knowns *all = w->knowns;
	uint32_t i = (uint32_t)id;
	struct known *k = i < all->slots->len ? slot_at(all, i)->known : NULL;

	return k && k->id == id ? k : NULL;
}

struct known *known_of(struct world *w, const struct node *n)
{
	const struct knowns *all = w->knowns;
	uint32_t slot = all ? all->places[find_place(all, n, place_hash(n))].slot : 0;

	return slot ? slot_at(all, slot)->known : NULL;
}

/* A node of the simulated disk may have been renamed since, or have several names: the latest is told. */
static void move_to(struct world *w, struct known *k, struct known *parent, const char *name)
{
	struct known *before = k->parent;

	if (before == parent && !strcmp(k->name, name))
		return;
	for (struct known *up = parent; up; up = up->parent)
		if (up == k)
			return;  /* a name inside itself cannot be its place */
	k->parent = known_hold(parent);
	free_name(k);
	k->name = name_for(&k->n, name);
	if (before)
		known_drop(w, before);
}

struct known *known_lookup(struct world *w, struct known *parent, const char *name, const struct node *n)
{
	struct known *k = known_of(w, n);

	if (!k || k->waiting)
		k = add(w->knowns, parent, name, n);
	else if (k != w->knowns->root)
		move_to(w, k, parent, name);
	k->lookups++;
	return k;
}

void known_forget(struct world *w, struct known *k, uint64_t lookups)
{
	k->lookups -= MIN(lookups, k->lookups);
	if (k->lookups == 0 && k->holds == 0)
		forget(w, k);
}

struct known *known_hold(struct known *k)
{
	k->holds++;
	return k;
}

void known_drop(struct world *w, struct known *k)
{
	g_assert(k->holds > 0);
	k->holds--;
	known_forget(w, k, 0);
}

void known_renamed(struct world *w, const struct node *n, const struct node *parent, const char *name)
{
	struct known *k = known_of(w, n), *dir = known_of(w, parent);

	if (k && dir && k != w->knowns->root)
		move_to(w, k, dir, name);
}

size_t known_count(const struct world *w)
{
	return w->knowns->count;
}

static void put_place(GString *out, const struct known *k)
{
	if (k->parent)
		put_place(out, k->parent);
	if (out->len && *k->name)
		g_string_append_c(out, '/');
	g_string_append(out, k->name);
}

/* The same, but a reader's own pid, which stands for init, is nobody else's. */
static void put_name(GString *out, const struct known *k)
{
	struct vm_proc *p = k->n.process && k->parent && !k->parent->n.process ? world_proc(&k->n, NULL) : NULL;

	if (k->parent)
		put_name(out, k->parent);
	if (out->len && *k->name)
		g_string_append_c(out, '/');
	if (p)
		g_string_append_printf(out, "%d", vm_proc_pid(p));
	else
		g_string_append(out, k->name);
}

char *node_name(const struct node *n)
{
	const struct known *k = known_of(n->world, n);
	GString *out = g_string_new(NULL);
	struct node found;

	if (k)
		put_name(out, k);
	if (k && tree_path(n->world, out->str, &found) == 0 && node_equal(&found, n))
		return g_string_free(out, FALSE);
	g_string_free(out, TRUE);
	return disk_name(n);
}

char *node_path(const struct node *n)
{
	const struct known *k = known_of(n->world, n);
	GString *out = g_string_new(NULL);
	struct host *host;

	if (k) {
		put_place(out, k);
		return g_string_free(out, FALSE);
	}
	if (n->host && (host = world_host(n, NULL)))
		g_string_append_printf(out, "hosts/%s/", host->name);
	if (n->process) {
		struct vm_proc *p = world_proc(n, NULL);
		struct vm_proc_info info = { 0 };

		if (p)
			vm_proc_info(p, &info);
		g_string_append_printf(out, "proc/%d/", info.pid);
	}
	g_string_append(out, n->row->name);
	return g_string_free(out, FALSE);
}
