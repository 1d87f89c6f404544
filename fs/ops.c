/*
 * ops.c - FUSE on one side, nodes on the other: names, attributes, the mount as a whole. Open files are in ops_file.c,
 * listings in ops_list.c.
 *
 * Every request is answered at once, except those that have to wait (park.c). What the kernel may remember is in entry.c.
 */
#include "ops_inner.h"
#include "change.h"
#include "disk.h"
#include "mount.h"
#include "node.h"

#include <string.h>
#include <unistd.h>

struct known *node_of(fuse_req_t req, fuse_ino_t ino)
{
	struct fs *fs = fs_of(req);
	struct known *k = known_at(fs->world, ino);

	fs->world->reader = fuse_req_ctx(req)->pid;
	if (!k)
		fuse_reply_err(req, ESTALE);
	return k;
}

bool caller_is_owner(fuse_req_t req)
{
	return uid_is_owner(fs_of(req), fuse_req_ctx(req)->uid);
}

/* Whether the caller may look into a directory. */
static int check_search(fuse_req_t req, const struct known *k)
{
	struct stat st;

	if (caller_is_owner(req))
		return node_alive(&k->n) ? 0 : ESTALE;
	if (tree_attr(&k->n, &st))
		return ESTALE;
	return st.st_mode & S_IXOTH ? 0 : EACCES;
}

/* Names and attributes */

static void reply_entry(fuse_req_t req, struct known *dir, const char *name, const struct node *child)
{
	struct fs *fs = fs_of(req);
	struct fuse_entry_param entry;
	int code = fill_entry(fs, dir, name, child, &entry);

	if (code) {
		fuse_reply_err(req, code);
	} else if (fuse_reply_entry(req, &entry)) {
		known_forget(fs->world, known_at(fs->world, entry.ino), 1);
	}
}

/*
 * A name in a directory that is gone, whose own name is another's now (a rebooted host's). Where that one has it, or who looks
 * wants more than the name, ESTALE makes the kernel look again. But mkdir(2) does so only when mkdir fails, not
 * when the look-up before it does: it has to hear that the name is free.
 */
static int stale_lookup(const struct known *dir, const char *name)
{
	g_autofree char *path = node_path(&dir->n);
	struct node now, child;

	if (tree_path(dir->n.world, path, &now) || !node_alive(&now) || tree_find(&now, name, &child) != -ENOENT)
		return ESTALE;
	return ENOENT;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct known *dir = node_of(req, parent);
	struct node child;
	int code;

	if (!dir)
		return;
	code = check_search(req, dir);
	if (!code)
		code = -tree_find(&dir->n, name, &child);
	else if (code == ESTALE)
		code = stale_lookup(dir, name);
	if (code == ENOENT && tree_never_there(&dir->n, name))
		fuse_reply_entry(req, &(struct fuse_entry_param){ .entry_timeout = FOREVER });
	else if (code)
		fuse_reply_err(req, code == ESRCH ? ENOENT : code);
	else
		reply_entry(req, dir, name, &child);
}

static void forget_one(struct fs *fs, fuse_ino_t ino, uint64_t lookups)
{
	struct known *k = known_at(fs->world, ino);

	if (k)
		known_forget(fs->world, k, lookups);
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
	forget_one(fs_of(req), ino, lookups);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		forget_one(fs_of(req), forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

static void reply_attr(fuse_req_t req, struct known *k, const struct open_file *f)
{
	struct stat st;
	uint64_t end;
	int code = full_attr(fs_of(req), k, &st);

	if (code) {
		fuse_reply_err(req, code);
	} else if (f && file_own_end(f, &end)) {
		st.st_size = (off_t)end;
		fuse_reply_attr(req, &st, 0);
	} else {
		fuse_reply_attr(req, &st, attr_timeout(fs_of(req), k));
	}
}

/* fstat(2) names no open file; lseek(2) does, and read(2), which asks whether its pages are old. */
static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct known *k = node_of(req, ino);

	if (k && fi && !node_alive(&k->n))
		fuse_reply_err(req, ESRCH);
	else if (k)
		reply_attr(req, k, fi ? file_of(fi) : NULL);
}

/* A file that is no file of the simulated disk: cutting and touching it means nothing, the rest is refused. */
static int set_plain(const struct node *n, int valid)
{
	if (valid & (FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
		return EPERM;
	if (valid & FUSE_SET_ATTR_SIZE && !n->row->store && !(n->row->bytes && n->row->bytes->write))
		return EACCES;
	return 0;
}

/* As on any disk, only root gives files away: cp -a and rsync count on the refusal, and go on without. */
static bool gives_away(fuse_req_t req, const struct known *k, const struct stat *st, int valid)
{
	struct stat now;

	return valid & FUSE_SET_ATTR_UID && fuse_req_ctx(req)->uid != 0 && !tree_attr(&k->n, &now) &&
	       st->st_uid != now.st_uid;
}

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int valid, struct fuse_file_info *fi)
{
	struct known *k = node_of(req, ino);
	struct err e = { 0 };
	int code = 0;

	if (!k)
		return;
	if (!node_alive(&k->n))
		code = ESTALE;
	else if (!caller_is_owner(req))
		code = EPERM;
	else if (!k->n.row->setattr)
		code = set_plain(&k->n, valid);
	else if (gives_away(req, k, st, valid))
		code = EPERM;
	else
		code = -change_make(&(struct change){ .kind = CHANGE_ATTR, .at = k->n, .st = *st, .valid = valid }, NULL, &e);
	if (code)
		fuse_reply_err(req, code);
	else
		reply_attr(req, k, NULL);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct known *k = node_of(req, ino);
	g_autoptr(GString) target = g_string_new(NULL);
	int rc;

	if (!k)
		return;
	rc = node_alive(&k->n) ? node_show(&k->n, target, NULL) : -ESTALE;
	if (rc)
		fuse_reply_err(req, -rc);
	else
		fuse_reply_readlink(req, target->str);
}

/* Making and removing names */

struct known *directory_to_change(fuse_req_t req, fuse_ino_t parent)
{
	struct known *dir = node_of(req, parent);
	int code = 0;

	if (!dir)
		return NULL;
	if (!node_alive(&dir->n))
		code = ESTALE;
	else if (!caller_is_owner(req))
		code = EACCES;
	if (!code)
		return dir;
	fuse_reply_err(req, code);
	return NULL;
}

/* Answers with the new entry, or with why there is none. */
static void make_name(fuse_req_t req, struct known *dir, const struct change *c)
{
	struct err e = { 0 };
	struct node child;
	int code = change_allowed(c);

	if (!code)
		code = -change_make(c, &child, &e);
	if (code)
		fuse_reply_err(req, code);
	else
		reply_entry(req, dir, c->name, &child);
}

static void take_name(fuse_req_t req, const struct change *c)
{
	struct err e = { 0 };
	int code = change_allowed(c);

	fuse_reply_err(req, code ? code : -change_make(c, NULL, &e));
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct known *dir = directory_to_change(req, parent);

	if (dir)
		make_name(req, dir, &(struct change){ .kind = CHANGE_MKDIR, .at = dir->n, .name = name, .mode = mode & 07777 });
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
	struct known *dir = directory_to_change(req, parent);

	if (dir && !S_ISREG(mode))
		fuse_reply_err(req, strlen(name) > 255 ? ENAMETOOLONG : EPERM);
	else if (dir)
		make_name(req, dir, &(struct change){ .kind = CHANGE_CREATE, .at = dir->n, .name = name, .mode = mode & 07777 });
}

static void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	struct known *dir = directory_to_change(req, parent);

	if (dir)
		make_name(req, dir, &(struct change){ .kind = CHANGE_SYMLINK, .at = dir->n, .name = name, .text = target });
}

static void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	struct known *dir = directory_to_change(req, parent), *k;

	if (dir && (k = node_of(req, ino)))
		make_name(req, dir, &(struct change){ .kind = CHANGE_LINK, .at = dir->n, .name = name, .to = k->n });
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct known *dir = directory_to_change(req, parent);

	if (dir)
		take_name(req, &(struct change){ .kind = CHANGE_UNLINK, .at = dir->n, .name = name });
}

static void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct known *dir = directory_to_change(req, parent);

	if (dir)
		take_name(req, &(struct change){ .kind = CHANGE_RMDIR, .at = dir->n, .name = name });
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent, const char *new_name,
		      unsigned flags)
{
	struct known *dir = directory_to_change(req, parent), *to;

	if (dir && (to = node_of(req, new_parent)))
		take_name(req, &(struct change){ .kind = CHANGE_RENAME, .at = dir->n, .name = name, .text = new_name, .to = to->n, .flags = flags });
}

/* The mount as a whole */

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct known *k = node_of(req, ino);
	struct statvfs st = { 0 };
	struct host *h;

	if (!k)
		return;
	if (!disk_statfs(&k->n, &st) && (h = fs_of(req)->world->hosts->pdata[0])) {
		struct vm_memory memory;
		uint64_t page = vm_page_size(&vm_host_options(h->vm)->geometry);

		vm_memory(h->vm, &memory);
		st.f_bsize = st.f_frsize = 4096;
		st.f_blocks = memory.total * page / 4096;
		st.f_bfree = st.f_bavail = memory.free * page / 4096;
	}
	st.f_namemax = 255;
	fuse_reply_statfs(req, &st);
}

static void tell_ready(struct fs *fs)
{
	if (fs->ready < 0)
		return;
	if (write(fs->ready, "", 1) != 1)
		fs->ending = true;  /* nobody waits for us */
	close(fs->ready);
	fs->ready = -1;
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	tell_ready(userdata);
}

/* mount.h: who serves this? */
static void op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned int command, void *arg, struct fuse_file_info *fi, unsigned flags,
		     const void *in, size_t in_size, size_t out_size)
{
	pid_t pid = getpid();

	if (ino == FUSE_ROOT_ID && command == MOUNT_PROGRAM && out_size >= sizeof pid)
		fuse_reply_ioctl(req, 0, &pid, sizeof pid);
	else
		fuse_reply_err(req, ENOTTY);
}

const struct fuse_lowlevel_ops fs_ops = {
	.init = op_init,
	.lookup = op_lookup, .forget = op_forget, .forget_multi = op_forget_multi,
	.getattr = op_getattr, .setattr = op_setattr, .readlink = op_readlink,
	.mkdir = op_mkdir, .mknod = op_mknod, .symlink = op_symlink, .link = op_link,
	.unlink = op_unlink, .rmdir = op_rmdir, .rename = op_rename,
	.open = op_open, .create = op_create, .read = op_read, .write = op_write, .flush = op_flush,
	.release = op_release, .fsync = op_fsync, .fallocate = op_fallocate, .poll = op_poll,
	.opendir = op_opendir, .readdir = op_readdir, .readdirplus = op_readdirplus, .releasedir = op_releasedir,
	.fsyncdir = op_fsync, .statfs = op_statfs, .ioctl = op_ioctl,
};
