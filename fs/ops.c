/*
 * ops.c - FUSE on one side, nodes and open files on the other.
 *
 * Every request is answered at once, except those that have to wait (park.c). What the kernel may remember is in entry.c.
 */
#include "session.h"
#include "change.h"
#include "disk.h"
#include "mount.h"
#include "node.h"

#include <linux/fuse.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	ONE_PAGE = 4096,
	MANY_OPENS = 256,     /* with no change between them: whoever comes now reads processes by the hundred */
};

/* The node behind a number of the kernel's; NULL, with the request answered, when it is gone. */
static struct known *node_of(fuse_req_t req, fuse_ino_t ino)
{
	struct fs *fs = fs_of(req);
	struct known *k = known_at(fs->world, ino);

	fs->world->reader = fuse_req_ctx(req)->pid;
	if (!k)
		fuse_reply_err(req, ESTALE);
	return k;
}

static bool caller_is_owner(fuse_req_t req)
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

static void reply_attr(fuse_req_t req, struct known *k)
{
	struct stat st;
	int code = full_attr(fs_of(req), k, &st);

	if (code)
		fuse_reply_err(req, code);
	else
		fuse_reply_attr(req, &st, attr_timeout(fs_of(req), k));
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct known *k = node_of(req, ino);

	if (k && fi && !node_alive(&k->n))               /* read(2) asks whether its pages are old; fstat(2) names no file */
		fuse_reply_err(req, ESRCH);
	else if (k)
		reply_attr(req, k);
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
		reply_attr(req, k);
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

/* The directory of such a request; NULL, with the request answered, where the caller may not change it. */
static struct known *directory_to_change(fuse_req_t req, fuse_ino_t parent)
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

/* Open files */

static struct open_file *file_of(const struct fuse_file_info *fi)
{
	return (struct open_file *)(uintptr_t)fi->fh;
}

/*
 * A stream has no position at all, so that a read that waits does not keep writes of the same description waiting; the
 * library's own call cannot say so.
 */
static int reply_open_stream(fuse_req_t req, const struct open_file *f)
{
	struct fuse_open_out out = {
		.fh = (uintptr_t)f,
		.open_flags = FOPEN_DIRECT_IO | FOPEN_NONSEEKABLE | FOPEN_STREAM | FOPEN_NOFLUSH,
	};

	return fuse_reply_buf(req, (const char *)&out, sizeof out);
}

/*
 * What is read through the kernel's cache it reads again from offset 0 after a change, also for who had read the first half: only
 * where so many files are read that the requests saved matter.
 */
static bool many_opens(struct fs *fs)
{
	if (fs->opens_generation != fs->world->generation) {
		fs->opens_generation = fs->world->generation;
		fs->opens = 0;
	}
	return ++fs->opens > MANY_OPENS;
}

/* Whether this open reads through the kernel's cache, and may use what is there. */
static bool through_cache(struct fs *fs, struct known *k, int flags, bool *keep)
{
	bool again = k->read_generation == fs->world->generation;

	if ((flags & O_ACCMODE) != O_RDONLY || !may_be_kept(&k->n) || k->n.row->kind != ROW_TEXT)
		return false;
	k->read_generation = fs->world->generation;
	if (!many_opens(fs))
		return false;
	if ((!again && k->told != fs->telling) || file_size(fs->world, k) > ONE_PAGE)
		return false;
	*keep = k->kept_generation == fs->world->generation;
	k->kept_generation = fs->world->generation;
	return true;
}

/*
 * Hands the kernel the text with the answer to the open, which saves the reader a request; then the kernel has it, and we need
 * it no longer. Only for what was never open before: who has it open may wait for an answer of ours with the page locked that
 * the kernel would fill here.
 */
static bool store_text(struct fs *fs, struct known *k)
{
	struct fuse_bufvec text = FUSE_BUFVEC_INIT(0);
	const struct content *c = k->content;
	bool stored;

	if (k->opened || !c || !c->len || c->generation != fs->world->generation)
		return false;
	text.buf[0].mem = c->bytes;
	text.buf[0].size = c->len;
	stored = fuse_lowlevel_notify_store(fs->session, k->id, 0, &text, 0) == 0;
	if (stored)
		content_forget(fs->world, k);
	return stored;
}

static void set_open_flags(const struct open_file *f, struct fuse_file_info *fi)
{
	fi->fh = (uintptr_t)f;
	fi->direct_io = 1;
	fi->noflush = !file_wants_flush(f);
}

/* Why a file was not opened to be written is told as of a write that failed; reading leaves no trace. */
static void refuse_open(fuse_req_t req, const struct known *k, int flags, int code, struct err *e)
{
	if ((flags & O_ACCMODE) != O_RDONLY && code != ESTALE) {
		if (e->code != code)
			err_set(e, code, -1, "open: user %u may not write here", fuse_req_ctx(req)->uid);
		error_log_add(fs_of(req)->world, &k->n, NULL, -1, e);
	}
	fuse_reply_err(req, code);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	bool keep = false;
	struct known *k = node_of(req, ino);
	struct err e = { 0 };
	struct open_file *f;
	int rc;

	if (!k)
		return;
	rc = file_access(&k->n, fi->flags, fuse_req_ctx(req)->uid);
	if (!rc && file_is_busy(k, fi->flags))
		rc = -ESTALE;  /* the kernel looks it up again, and finds another number */
	if (rc) {
		refuse_open(req, k, fi->flags, -rc, &e);
		return;
	}
	f = file_open(fs_of(req)->world, k, fi->flags, &e);
	if (!f) {
		refuse_open(req, k, fi->flags, e.code ? e.code : EIO, &e);
		return;
	}
	set_open_flags(f, fi);
	if (through_cache(fs_of(req), k, fi->flags, &keep)) {
		fi->direct_io = 0;
		fi->keep_cache = keep || store_text(fs_of(req), k);
	}
	k->opened = true;
	rc = file_is_stream(f) ? reply_open_stream(req, f) : fuse_reply_open(req, fi);
	if (rc)  /* the caller was interrupted: no release will come */
		begin_release(fs_of(req), f, false);
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);  /* first: a look-up that fails has answered the request, and it is gone */
	struct known *dir = directory_to_change(req, parent);
	struct fuse_entry_param entry;
	struct err e = { 0 };
	struct open_file *f = NULL;
	struct node child;
	struct change c;
	int code;

	if (!dir)
		return;
	c = (struct change){ .kind = CHANGE_CREATE, .at = dir->n, .name = name, .mode = mode & 07777 };
	code = change_allowed(&c);
	if (!code)
		code = -change_make(&c, &child, &e);
	if (!code)
		code = fill_entry(fs, dir, name, &child, &entry);
	if (!code && !(f = file_open(fs->world, known_at(fs->world, entry.ino), fi->flags & ~O_TRUNC, &e))) {
		known_forget(fs->world, known_at(fs->world, entry.ino), 1);
		code = e.code;
	}
	if (code) {
		fuse_reply_err(req, code);
		return;
	}
	set_open_flags(f, fi);
	if (fuse_reply_create(req, &entry, fi)) {
		begin_release(fs, f, false);
		known_forget(fs->world, known_at(fs->world, entry.ino), 1);
	}
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	fs_of(req)->world->reader = fuse_req_ctx(req)->pid;
	begin_read(fs_of(req), req, file_of(fi), (uint64_t)off, size, fi->flags & O_NONBLOCK);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t len, off_t off, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct write_call call = { .file = file_of(fi), .data = data, .len = len, .at = (uint64_t)off,
				   .writer = fuse_req_ctx(req)->pid };

	fs->world->reader = call.writer;
	begin_write(fs, req, &call, must_queue(fs, call.file));
}

/* Threads of one process close each other's files; the writer is the process then. */
static int32_t process_of(const struct world *w, int32_t tid)
{
	char name[32], text[1024], *at;
	ssize_t n;
	int fd;

	snprintf(name, sizeof name, "%d/status", tid);
	fd = w->real_proc >= 0 ? openat(w->real_proc, name, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return tid;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	text[MAX(n, 0)] = '\0';
	at = strstr(text, "\nTgid:");
	return at ? atoi(at + 6) : tid;
}

static void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct write_call call = { .file = file_of(fi), .writer = fuse_req_ctx(req)->pid };
	int32_t before = file_last_writer(call.file);

	fs->world->reader = call.writer;
	if (before && before != call.writer && process_of(fs->world, before) == process_of(fs->world, call.writer))
		call.writer = before;
	begin_flush(fs, req, &call, before && must_queue(fs, call.file));
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct open_file *f = file_of(fi);

	fs->world->reader = fuse_req_ctx(req)->pid;
	begin_release(fs, f, file_last_writer(f) && must_queue(fs, f));
	fuse_reply_err(req, 0);
}

static void op_fsync(fuse_req_t req, fuse_ino_t ino, int data_only, struct fuse_file_info *fi)
{
	fuse_reply_err(req, 0);
}

static void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t at, off_t len, struct fuse_file_info *fi)
{
	fuse_reply_err(req, EPERM);
}

static void op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *handle)
{
	struct fs *fs = fs_of(req);
	struct open_file *f = file_of(fi);
	bool ready = file_ready(f);

	if (handle && !ready)
		begin_poll(fs, f, handle);
	else if (handle)
		fuse_pollhandle_destroy(handle);
	fuse_reply_poll(req, (ready ? POLLIN | POLLRDNORM : 0u) | POLLOUT | POLLWRNORM);
}

/* Directories */

static void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
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

static void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
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

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	list(req, ino, size, off, false);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	list(req, ino, size, off, true);
}

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
