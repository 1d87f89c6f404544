/*
 * tree.c - walking the rows.
 *
 * A cookie of a directory counts its fixed rows below FIXED_COOKIES, then the dynamic ones from there on, so that either
 * stays where it is whatever the other does.
 */
#include "tree.h"
#include "table.h"
#include "world.h"

#include <string.h>

enum { NAME_MAX_BYTES = 255, FIXED_COOKIES = 1 << 12, LINKS_MAX = 40 };

struct node tree_root(struct world *w)
{
	return (struct node){ .row = &root_row, .world = w };
}

static void child_of(const struct node *dir, const struct row *row, uint8_t format, struct node *child)
{
	*child = *dir;
	child->row = row;
	child->format = format;
	child->for_reader = false;
}

/* T.json and T.csv of a table T: the length of T, else 0. */
static size_t other_format(const char *name, size_t len, uint8_t *format)
{
	static const struct { const char *end; uint8_t format; } formats[] = {
		{ ".json", FORMAT_JSON }, { ".csv", FORMAT_CSV },
	};

	if (!memchr(name, '.', len))
		return 0;
	for (unsigned i = 0; i < G_N_ELEMENTS(formats); i++) {
		size_t n = strlen(formats[i].end);

		if (len > n && !strcmp(name + len - n, formats[i].end)) {
			*format = formats[i].format;
			return len - n;
		}
	}
	return 0;
}

static bool find_fixed(const struct node *dir, const struct row *rows, const char *name, struct node *child)
{
	uint8_t format = FORMAT_TEXT;
	size_t table = other_format(name, strlen(name), &format);

	if (!rows)
		return false;
	for (const struct row *r = rows; r->name; r++) {
		if (*r->name == *name && !strcmp(r->name, name)) {
			child_of(dir, r, FORMAT_TEXT, child);
			return true;
		}
		if (table && r->kind == ROW_TABLE && !strncmp(r->name, name, table) && !r->name[table]) {
			child_of(dir, r, format, child);
			return true;
		}
	}
	return false;
}

int tree_find(const struct node *dir, const char *name, struct node *child)
{
	if (dir->row->kind != ROW_DIRECTORY)
		return -ENOTDIR;
	if (strlen(name) > NAME_MAX_BYTES)
		return -ENAMETOOLONG;
	if (find_fixed(dir, dir->row->rows, name, child))
		return 0;
	if (!dir->row->dynamic || !dir->row->dynamic->find)
		return -ENOENT;
	return dir->row->dynamic->find(dir, name, child);
}

bool tree_never_there(const struct node *dir, const char *name)
{
	const struct row *row = dir->row;
	struct node ignored;

	return row->other_rows && !row->dynamic && !find_fixed(dir, row->rows, name, &ignored) &&
	       !find_fixed(dir, row->other_rows, name, &ignored);
}

static bool is_listed(const struct row *row, const struct node *n)
{
	return row->listed ? row->listed(n) : !(row->flags & ROW_UNLISTED);
}

static bool next_fixed(const struct node *dir, uint64_t *cookie, char *name, struct node *child)
{
	uint64_t i = 0;

	if (!dir->row->rows)
		return false;
	for (const struct row *r = dir->row->rows; r->name; r++, i++) {
		if (i < *cookie)
			continue;
		child_of(dir, r, FORMAT_TEXT, child);
		if (!is_listed(r, child))
			continue;
		g_assert(i + 1 < FIXED_COOKIES);
		*cookie = i + 1;
		g_strlcpy(name, r->name, NAME_MAX_BYTES + 1);
		return true;
	}
	return false;
}

bool tree_list(const struct node *dir, uint64_t *cookie, char *name, struct node *child)
{
	const struct dir_ops *ops = dir->row->dynamic;
	uint64_t at;

	if (*cookie < FIXED_COOKIES && next_fixed(dir, cookie, name, child))
		return true;
	if (!ops || !ops->next)
		return false;
	at = *cookie < FIXED_COOKIES ? 0 : *cookie - FIXED_COOKIES;
	if (!ops->next(dir, &at, name, child))
		return false;
	*cookie = at + FIXED_COOKIES;
	return true;
}

static mode_t file_type(enum row_kind kind)
{
	switch (kind) {
	case ROW_DIRECTORY: return S_IFDIR;
	case ROW_LINK:      return S_IFLNK;
	default:            return S_IFREG;
	}
}

static void set_times(struct stat *st, ns_t t)
{
	struct timespec at = { .tv_sec = (time_t)(t / NS_PER_S), .tv_nsec = (long)(t % NS_PER_S) };

	st->st_atim = st->st_mtim = st->st_ctim = at;
}

/* Every node that its row gives no number of its own: above 2^56, below the simulated disk's. */
static uint64_t inode_number(const struct node *n)
{
	struct node other = *n;
	uint64_t high;

	other.arg2 ^= 0x5bd1e995;  /* a second hash, for 56 bits in all */
	high = node_hash(&other) & 0xffffff;
	return (uint64_t)1 << 56 | high << 32 | node_hash(n);
}

int tree_entry(const struct node *n, struct stat *st)
{
	if (n->row->attr)
		return tree_attr(n, st);
	st->st_mode = file_type(n->row->kind) | n->row->mode;
	st->st_ino = inode_number(n);
	return 0;
}

int tree_attr(const struct node *n, struct stat *st)
{
	struct world *w = n->world;
	struct vm_proc *p = NULL;

	if (n->host && !world_host(n, NULL))
		return -ESTALE;
	if (n->process && !(p = world_proc(n, NULL)))
		return -ESTALE;
	if (n->row->alive && !n->row->alive(n))
		return -ESTALE;
	memset(st, 0, sizeof *st);
	st->st_mode = file_type(n->row->kind) | n->row->mode;
	st->st_nlink = 1;
	st->st_uid = w->uid;
	st->st_gid = w->gid;
	if (p && n->row->flags & ROW_OWNED)
		vm_proc_owner(p, &st->st_uid, &st->st_gid);
	st->st_ino = inode_number(n);
	st->st_blksize = 65536;
	set_times(st, w->mtime);
	if (n->row->attr && n->row->attr(n, st))
		return -ESTALE;
	return 0;
}

bool node_alive(const struct node *n)
{
	struct stat st;

	if (n->row->attr)
		return tree_attr(n, &st) == 0;
	return (!n->host || world_host(n, NULL)) && (!n->process || world_proc(n, NULL)) &&
	       (!n->row->alive || n->row->alive(n));
}

int node_show(const struct node *n, GString *out, struct err *e)
{
	struct err ignored = { 0 };

	if (!e)
		e = &ignored;
	if (n->row->kind == ROW_TABLE)
		return table_render(n, out, e);
	if (n->row->show)
		return n->row->show(n, out, e);
	return n->row->store ? show_result(n, out, e) : 0;
}

/* Path names: `way` holds the nodes from the root to where we are, so that `..` and relative links work. */

static int walk(GArray *way, const char *path, unsigned links);

static int follow(GArray *way, const struct node *link, unsigned links)
{
	g_autoptr(GString) target = g_string_new(NULL);
	int rc;

	if (links >= LINKS_MAX)
		return -ELOOP;
	rc = node_show(link, target, NULL);
	if (rc)
		return rc;
	return walk(way, target->str, links + 1);
}

static int step(GArray *way, const char *name, unsigned links)
{
	struct node child;
	int rc;

	if (!*name || !strcmp(name, "."))
		return 0;
	if (!strcmp(name, "..")) {
		g_array_set_size(way, MAX(way->len, 2) - 1);
		return 0;
	}
	rc = tree_find(&g_array_index(way, struct node, way->len - 1), name, &child);
	if (rc)
		return rc;
	if (child.row->kind == ROW_LINK)
		return follow(way, &child, links);
	g_array_append_val(way, child);
	return 0;
}

static int walk(GArray *way, const char *path, unsigned links)
{
	g_auto(GStrv) names = g_strsplit(path, "/", -1);
	int rc = 0;

	if (*path == '/')
		g_array_set_size(way, 1);
	for (unsigned i = 0; names[i] && rc == 0; i++)
		rc = step(way, names[i], links);
	return rc;
}

int tree_path(struct world *w, const char *path, struct node *n)
{
	g_autoptr(GArray) way = g_array_new(FALSE, FALSE, sizeof(struct node));
	struct node root = tree_root(w);
	int rc;

	g_array_append_val(way, root);
	rc = walk(way, path, 0);
	*n = g_array_index(way, struct node, way->len - 1);
	return rc;
}
