/*
 * entry.c - what the kernel is told of a name, and may remember.
 *
 * It may remember names that are there (a dead node answers ESTALE, and the kernel then looks again), names that can never be
 * there, and the attributes of directories that never go.
 *
 * Of a host's directories and the files of processes also attributes, and what directories and small files hold, until the world
 * changes: then, before anybody hears of the change, it is told of each that its attributes are old; it asks for them, and a file
 * whose time has changed is read again. Only files of one page, which are read from offset 0 whatever happens, and only where that
 * saves something: where many are read, when their attributes are known, or they were read before and nothing has changed since.
 */
#include "session.h"
#include "node.h"

#include <string.h>

enum { TOLD_MAX = 1 << 19 };

bool uid_is_owner(const struct fs *fs, uid_t uid)
{
	return uid == 0 || uid == fs->world->uid;
}

static bool stays_forever(const struct node *n)
{
	return n->row->kind == ROW_DIRECTORY && !n->host && !n->process && !n->row->attr && !n->row->alive;
}

bool may_be_kept(const struct node *n)
{
	const struct row *row = n->row;

	if (n->for_reader || world_is_live(n->world) || row->attr || row->flags & ROW_UNLISTED)
		return false;
	return row->kind == ROW_DIRECTORY ? n->host != 0 : n->process && row->kind == ROW_TEXT && !row->store;
}

unsigned attr_timeout(struct fs *fs, struct known *k)
{
	if (stays_forever(&k->n))
		return FOREVER;
	if (!may_be_kept(&k->n))
		return 0;
	if (k->told == fs->telling)
		return FOREVER;
	if (fs->told->len == TOLD_MAX)
		return 0;
	g_array_append_val(fs->told, k->id);
	k->told = fs->telling;
	return FOREVER;
}

void forget_told(void *arg)
{
	struct fs *fs = arg;

	if (!fs->told->len)
		return;
	for (guint i = 0; i < fs->told->len; i++)        /* an offset below 0: attributes alone, which never waits */
		fuse_lowlevel_notify_inval_inode(fs->session, g_array_index(fs->told, uint64_t, i), -1, 0);
	g_array_set_size(fs->told, 0);
	fs->telling++;
}

int full_attr(struct fs *fs, struct known *k, struct stat *st)
{
	int rc = tree_attr(&k->n, st);

	if (rc)
		return -rc;
	if (!S_ISDIR(st->st_mode) && (!k->n.row->attr || k->n.row->kind != ROW_BYTES))
		st->st_size = (off_t)file_size(fs->world, k);
	if (!st->st_blocks)
		st->st_blocks = (st->st_size + 511) / 512;
	return 0;
}

int fill_entry(struct fs *fs, struct known *dir, const char *name, const struct node *child, struct fuse_entry_param *out)
{
	struct known *k = known_lookup(fs->world, dir, name, child);
	int code;

	memset(out, 0, sizeof *out);
	code = full_attr(fs, k, &out->attr);
	if (code) {
		known_forget(fs->world, k, 1);
		return code == ESTALE ? ENOENT : code;
	}
	out->ino = k->id;
	out->generation = 1;
	out->entry_timeout = child->for_reader ? 0 : FOREVER;
	out->attr_timeout = child->for_reader ? 0 : attr_timeout(fs, k);
	return 0;
}
