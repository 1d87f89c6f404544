/*
 * proc_net_trie.c - proc/PID/net/fib_trie: routes and addresses as the trie in which Linux keeps them.
 *
 * A node looks at `bits` bits of an address from bit `pos` up and has a child for each of their values; what all below it have
 * in common is skipped. After each insertion the nodes above are doubled while enough of the children would be used, halved when
 * too few are, and dropped when one is left (Nilsson and Karlsson 1999, with the thresholds of Linux).
 */
#include "proc_net.h"

#include "net_host.h"
#include "text.h"
#include "world.h"

#include <string.h>

enum { KEY_BITS = 32, WORK_MAX = 10, INFLATE = 50, INFLATE_ROOT = 30, HALVE = 25, HALVE_ROOT = 15 };

struct alias { unsigned len; const char *scope, *type; };

struct trie {
	uint32_t key;
	unsigned pos, bits;          /* bits 0: a leaf */
	struct trie **child;         /* 1 << bits, or NULL */
	struct trie *parent;
	GArray  *aliases;            /* of a leaf: struct alias, longest first */
};

/* The root stands above all: it has one child. */
static struct trie *root_new(void)
{
	struct trie *t = g_new0(struct trie, 1);

	t->pos = KEY_BITS;
	t->child = g_new0(struct trie *, 1);
	return t;
}

static bool is_leaf(const struct trie *t) { return t->aliases != NULL; }
static unsigned width(const struct trie *t) { return 1u << t->bits; }
static bool is_root(const struct trie *t) { return t->pos == KEY_BITS; }

static void trie_free(struct trie *t)
{
	if (!t)
		return;
	for (unsigned i = 0; t->child && i < width(t); i++)
		trie_free(t->child[i]);
	if (t->aliases)
		g_array_free(t->aliases, TRUE);
	g_free(t->child);
	g_free(t);
}

static uint32_t masked(uint32_t key, unsigned low)
{
	return low >= KEY_BITS ? 0 : key >> low << low;
}

static struct trie *node_new(uint32_t key, unsigned pos, unsigned bits)
{
	struct trie *t = g_new0(struct trie, 1);

	t->key = masked(key, pos + bits);
	t->pos = pos;
	t->bits = bits;
	t->child = g_new0(struct trie *, 1u << bits);
	return t;
}

/* Which child: too large a number when the key differs in what the node skips. */
static uint32_t child_index(const struct trie *t, uint32_t key)
{
	return is_root(t) ? 0 : (key ^ t->key) >> t->pos;
}

static void put_child(struct trie *t, uint32_t i, struct trie *child)
{
	t->child[i] = child;
	if (child)
		child->parent = t;
}

/* It begins right where its parent ends: nothing is skipped. */
static bool is_full(const struct trie *t, const struct trie *child)
{
	return child && !is_leaf(child) && child->pos + child->bits == t->pos;
}

static void count_children(const struct trie *t, unsigned *empty, unsigned *full)
{
	*empty = *full = 0;
	for (unsigned i = 0; i < width(t); i++) {
		*empty += !t->child[i];
		*full += is_full(t, t->child[i]);
	}
}

static bool should_inflate(const struct trie *t)
{
	unsigned empty, full, used;

	count_children(t, &empty, &full);
	used = width(t) - empty + full;
	return used > 1 && t->pos > 0 && 50 * used >= width(t) * (is_root(t->parent) ? INFLATE_ROOT : INFLATE);
}

static bool should_halve(const struct trie *t)
{
	unsigned empty, full, used;

	count_children(t, &empty, &full);
	used = width(t) - empty;
	return used > 1 && t->bits > 1 && 100 * used < width(t) * (is_root(t->parent) ? HALVE_ROOT : HALVE);
}

static void resize(struct trie *t);

/* `made` takes the place of `t`, whose children have found theirs. */
static struct trie *replace(struct trie *t, struct trie *made)
{
	put_child(t->parent, child_index(t->parent, t->key), made);
	g_free(t->child);
	g_free(t);
	for (unsigned i = width(made); i-- > 0;)
		if (is_full(made, made->child[i]))
			resize(made->child[i]);
	return made;
}

/* A child that looks at the bit which its parent takes over is cut in two. */
static void split_child(struct trie *t, struct trie *c)
{
	unsigned half = width(c) / 2;

	for (unsigned side = 0; side < 2; side++) {
		struct trie *part;

		if (c->bits == 1) {
			part = c->child[side];
		} else {
			part = node_new(c->key | side << (c->pos + c->bits - 1), c->pos, c->bits - 1);
			for (unsigned i = 0; i < half; i++)
				put_child(part, i, c->child[side * half + i]);
		}
		if (part)
			put_child(t, child_index(t, c->key | side << (c->pos + c->bits - 1)), part);
	}
	g_free(c->child);
	g_free(c);
}

static struct trie *inflate(struct trie *t)
{
	struct trie *made = node_new(t->key, t->pos - 1, t->bits + 1);

	for (unsigned i = 0; i < width(t); i++) {
		if (is_full(t, t->child[i]))
			split_child(made, t->child[i]);
		else if (t->child[i])
			put_child(made, child_index(made, t->child[i]->key), t->child[i]);
	}
	return replace(t, made);
}

static struct trie *halve(struct trie *t)
{
	struct trie *made = node_new(t->key, t->pos + 1, t->bits - 1);

	for (unsigned i = 0; i < width(t); i += 2) {
		struct trie *a = t->child[i], *b = t->child[i + 1], *both;

		if (a && b) {
			both = node_new(a->key, t->pos, 1);
			put_child(both, 0, a);
			put_child(both, 1, b);
			put_child(made, i / 2, both);
		} else {
			put_child(made, i / 2, a ? a : b);
		}
	}
	return replace(t, made);
}

/* Drops a node with one child. */
static void collapse(struct trie *t)
{
	struct trie *only = NULL;

	for (unsigned i = 0; i < width(t); i++)
		only = t->child[i] ? t->child[i] : only;
	put_child(t->parent, child_index(t->parent, t->key), only);
	g_free(t->child);
	g_free(t);
}

static void resize(struct trie *t)
{
	unsigned work, empty, full;
	bool grown = false;

	for (work = WORK_MAX; work > 0 && should_inflate(t); work--) {
		t = inflate(t);
		grown = true;
	}
	if (grown)
		return;
	for (work = WORK_MAX; work > 0 && should_halve(t); work--)
		t = halve(t);
	count_children(t, &empty, &full);
	if (width(t) - empty < 2)
		collapse(t);
}

static void add_alias(struct trie *leaf, const struct alias *a)
{
	guint at = 0;

	while (at < leaf->aliases->len && g_array_index(leaf->aliases, struct alias, at).len >= a->len)
		at++;
	g_array_insert_vals(leaf->aliases, at, a, 1);
}

static struct trie *leaf_new(uint32_t key)
{
	struct trie *t = g_new0(struct trie, 1);

	t->key = key;
	t->aliases = g_array_new(FALSE, FALSE, sizeof(struct alias));
	return t;
}

static void trie_add(struct trie *root, uint32_t key, unsigned len, const char *scope, const char *type)
{
	const struct alias a = { len, scope, type };
	struct trie *t = root, *n = root->child[0], *leaf;
	uint32_t i = 0;

	while (n && !is_leaf(n) && (i = child_index(n, key)) < width(n)) {
		t = n;
		n = n->child[i];
	}
	if (n && is_leaf(n) && n->key == key) {
		add_alias(n, &a);
		return;
	}
	leaf = leaf_new(key);
	add_alias(leaf, &a);
	i = is_root(t) ? 0 : child_index(t, key);
	if (n) { /* they part at the highest bit in which they differ */
		struct trie *fork = node_new(key, 31 - (unsigned)__builtin_clz(key ^ n->key), 1);

		put_child(fork, child_index(fork, n->key), n);
		put_child(fork, child_index(fork, key), leaf);
		put_child(t, i, fork);
	} else {
		put_child(t, i, leaf);
	}
	for (t = leaf->parent; !is_root(t); t = n) {
		n = t->parent;
		resize(t);
	}
}

/* What Linux adds for an address: itself, its subnet, the subnet's broadcast. */
static void add_addresses(struct trie *root, const struct net_iface *i, bool loopback)
{
	struct net_prefix p;

	for (unsigned k = 0; net_iface_address(i, k, &p); k++) {
		uint32_t mask = net_mask(p.len), addr = p.addr.v4;

		if (p.addr.family != NET_IPV4)
			continue;
		trie_add(root, addr, 32, "host", "LOCAL");
		if (p.len < 31)
			trie_add(root, addr | ~mask, 32, "link", "BROADCAST");
		if (loopback)
			trie_add(root, addr & mask, p.len, "host", "LOCAL");
	}
}

static void add_routes(struct trie *root, const struct net_host *h)
{
	struct net_route r;

	for (unsigned i = 0; net_route(h, i, &r); i++) {
		if (r.to.addr.family != NET_IPV4)
			continue;
		trie_add(root, r.to.addr.v4, r.to.len, r.iface && !r.via.family ? "link" : "universe",
			 r.iface || r.via.family ? "UNICAST" : "UNREACHABLE");
	}
}

static void put_trie(const struct trie *t, unsigned depth, GString *out)
{
	struct net_addr at = net_v4(t->key);
	char text[NET_ADDR_TEXT];
	unsigned empty, full;

	g_string_append_printf(out, "%*s%s-- %s", (int)depth * 3 + 2, "", is_leaf(t) ? "|" : "+", net_addr_text(&at, text));
	if (is_leaf(t)) {
		put_char(out, '\n');
		for (guint i = 0; i < t->aliases->len; i++) {
			const struct alias *a = &g_array_index(t->aliases, struct alias, i);

			g_string_append_printf(out, "%*s/%u %s %s\n", (int)depth * 3 + 5, "", a->len, a->scope, a->type);
		}
		return;
	}
	count_children(t, &empty, &full);
	g_string_append_printf(out, "/%u %u %u %u\n", KEY_BITS - t->pos - t->bits, t->bits, full, empty);
	for (unsigned i = 0; i < width(t); i++)
		if (t->child[i])
			put_trie(t->child[i], depth + 1, out);
}

int show_fib_trie(const struct node *n, GString *out, struct err *e)
{
	struct net_host *h = world_net(n, e);
	struct net_iface_info info = { 0 };
	struct trie *root;

	if (!h)
		return -e->code;
	root = root_new();
	for (struct net_iface *i; (i = net_iface_above(h, info.index));) {
		net_iface_get(i, &info);
		if (info.up)
			add_addresses(root, i, !strcmp(info.name, "lo"));
	}
	add_routes(root, h);
	for (unsigned table = 0; table < 2; table++) { /* one trie while there are no rules of one's own */
		put_text(out, table ? "Local:\n" : "Main:\n");
		if (root->child[0])
			put_trie(root->child[0], 0, out);
	}
	trie_free(root);
	return 0;
}
