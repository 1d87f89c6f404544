/* ops_list.c - directories: opened, listed. */
#include "ops_inner.h"
#include "node.h"

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct known *k = node_of(req, ino);
	struct stat st;

	if (!k)
		return;
	if (tree_attr(&k->n, &st))
		fuse_reply_err(req, ESTALE);
	else if (!caller_is_owner(req) && !(st.st_mode & S_IROTH))
		fuse_reply_err(req, EACCES);
	else {
		fi->cache_readdir = may_be_kept(&k->n);
		fi->keep_cache = fi->cache_readdir && k->kept_generation == k->n.world->generation;
		k->kept_generation = k->n.world->generation;
		fuse_reply_open(req, fi);
	}
}

void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	fuse_reply_err(req, 0);
}

/* One listing being filled. */
struct listing {
	fuse_req_t req;
	struct fs *fs;
	struct known *dir;
	char  *to;
	size_t room;
	bool   plus;
};

/* False when there is no room for it. */
static bool list_plain(struct listing *l, const char *name, const struct stat *st, off_t cookie)
{
	struct fuse_entry_param entry = { .attr = *st };
	size_t n = l->plus ? fuse_add_direntry_plus(l->req, l->to, l->room, name, &entry, cookie)
			   : fuse_add_direntry(l->req, l->to, l->room, name, st, cookie);

	if (n > l->room)
		return false;
	l->to += n;
	l->room -= n;
	return true;
}

/* A directory listed with all that a look-up would give. */
static bool list_directory(struct listing *l, const char *name, const struct node *child, off_t cookie)
{
	struct fuse_entry_param entry;
	size_t n;

	if (fill_entry(l->fs, l->dir, name, child, &entry))
		return true;  /* it went just now */
	n = fuse_add_direntry_plus(l->req, l->to, l->room, name, &entry, cookie);
	if (n > l->room) {
		known_forget(l->fs->world, known_at(l->fs->world, entry.ino), 1);
		return false;
	}
	l->to += n;
	l->room -= n;
	return true;
}

/* Cookies: 1 behind `.`, 2 behind `..`, then 2 more than the tree's. */
static bool list_dots(struct listing *l, off_t off)
{
	struct stat st = { 0 };
	const struct known *up = l->dir->parent ? l->dir->parent : l->dir;

	if (off < 1) {
		tree_entry(&l->dir->n, &st);
		if (!list_plain(l, ".", &st, 1))
			return false;
	}
	if (off < 2) {
		tree_entry(&up->n, &st);
		if (!list_plain(l, "..", &st, 2))
			return false;
	}
	return true;
}

static void list_children(struct listing *l, uint64_t cookie)
{
	char name[256];
	struct node child;
	struct stat st = { 0 };

	while (tree_list(&l->dir->n, &cookie, name, &child)) {
		off_t next = (off_t)(cookie + 2);

		if (l->plus && child.row->kind == ROW_DIRECTORY) {
			if (!list_directory(l, name, &child, next))
				return;
		} else {
			if (tree_entry(&child, &st))
				continue;
			if (!list_plain(l, name, &st, next))
				return;
		}
	}
}

static void list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, bool plus)
{
	struct fs *fs = fs_of(req);
	struct known *dir = node_of(req, ino);
	struct listing l = { .req = req, .fs = fs, .dir = dir, .to = fs->reply, .room = MIN(size, REPLY_MAX), .plus = plus };

	if (!dir)
		return;
	if (!node_alive(&dir->n)) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	if (list_dots(&l, off))
		list_children(&l, off > 2 ? (uint64_t)off - 2 : 0);
	fuse_reply_buf(req, fs->reply, (size_t)(l.to - fs->reply));
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	list(req, ino, size, off, false);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	list(req, ino, size, off, true);
}
