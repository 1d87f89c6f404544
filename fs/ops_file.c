/* ops_file.c - FUSE on one side, open files on the other. */
#include "ops_inner.h"
#include "change.h"
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
	MANY_READS = 256,     /* of all that a file shows, with no change between them: this thread reads processes by the hundred */
};

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
 * What is read through the kernel's cache it reads again from offset 0 after a change, also for who had read the first half, and
 * does not tell us of either. So the cache is for those only who have read so many files that the requests saved matter, and each
 * at once. One who then begins to read in pieces may still see two instants in one file.
 */
static struct reader *reader_of(struct fs *fs, pid_t thread)
{
	struct reader *r = fs->readers;

	if (fs->readers_generation != fs->world->generation) {
		fs->readers_generation = fs->world->generation;
		memset(fs->readers, 0, sizeof fs->readers);
	}
	for (unsigned i = 0; i < READERS; i++) {
		if (fs->readers[i].thread == thread)
			return &fs->readers[i];
		if (fs->readers[i].whole < r->whole)
			r = &fs->readers[i];
	}
	*r = (struct reader){ .thread = thread };
	return r;
}

static void count_read(struct fs *fs, pid_t thread, const struct open_file *f, uint64_t at, size_t size)
{
	size_t len = file_shown(f);
	struct reader *r;

	if (at >= len)
		return;
	r = reader_of(fs, thread);
	r->whole = at == 0 && size >= len ? r->whole + 1 : 0;
}

/* Whether this open reads through the kernel's cache, and may use what is there. */
static bool through_cache(struct fs *fs, struct known *k, int flags, pid_t thread, bool *keep)
{
	bool again = k->read_generation == fs->world->generation;

	if ((flags & O_ACCMODE) != O_RDONLY || !may_be_kept(&k->n) || k->n.row->kind != ROW_TEXT)
		return false;
	k->read_generation = fs->world->generation;
	if (thread == 0 || reader_of(fs, thread)->whole < MANY_READS)  /* 0: of a namespace that ours does not see */
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

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
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
	if (through_cache(fs_of(req), k, fi->flags, fuse_req_ctx(req)->pid, &keep)) {
		file_set_cached(f);
		fi->direct_io = 0;
		fi->keep_cache = keep || store_text(fs_of(req), k);
	}
	k->opened = true;
	rc = file_is_stream(f) ? reply_open_stream(req, f) : fuse_reply_open(req, fi);
	if (rc)  /* the caller was interrupted: no release will come */
		begin_release(fs_of(req), f, false);
}

void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
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

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	pid_t thread = fuse_req_ctx(req)->pid;

	fs->world->reader = thread;
	begin_read(fs, req, file_of(fi), (uint64_t)off, size, fi->flags & O_NONBLOCK);
	count_read(fs, thread, file_of(fi), (uint64_t)off, size);
}

void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t len, off_t off, struct fuse_file_info *fi)
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

void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct write_call call = { .file = file_of(fi), .writer = fuse_req_ctx(req)->pid };
	int32_t before = file_last_writer(call.file);

	fs->world->reader = call.writer;
	if (before && before != call.writer && process_of(fs->world, before) == process_of(fs->world, call.writer))
		call.writer = before;
	begin_flush(fs, req, &call, before && must_queue(fs, call.file));
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct open_file *f = file_of(fi);

	fs->world->reader = fuse_req_ctx(req)->pid;
	begin_release(fs, f, file_last_writer(f) && must_queue(fs, f));
	fuse_reply_err(req, 0);
}

void op_fsync(fuse_req_t req, fuse_ino_t ino, int data_only, struct fuse_file_info *fi)
{
	fuse_reply_err(req, 0);
}

void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t at, off_t len, struct fuse_file_info *fi)
{
	fuse_reply_err(req, EPERM);
}

void op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *handle)
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
