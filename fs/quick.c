/*
 * quick.c - the requests that come by the hundred thousand: to look up, open, read and close.
 *
 * The library would take memory for each, and hand its answer to the kernel in two pieces, which costs more than to make the
 * answer. Here they are read where they lie, and the answer is one piece that lies in one page.
 */
#include "session.h"
#include "node.h"

#include <linux/fuse.h>

#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	ONE_PAGE = 4096,
	ANSWER_BYTES = 2 * ONE_PAGE,  /* that much is copied rather than sent in two pieces */
	MANY_OPENS = 256,             /* with no change between them: whoever comes now reads processes by the hundred */
};

/* Answers */

struct answer {
	struct fuse_out_header head;
	union {
		struct fuse_entry_out entry;
		struct fuse_attr_out attr;
		struct fuse_open_out open;
		struct { struct fuse_notify_store_out store; char text[ONE_PAGE]; };
		char bytes[ANSWER_BYTES];
	};
};

struct answer *answer_new(void)
{
	size_t len = (sizeof(struct answer) + ONE_PAGE - 1) / ONE_PAGE * ONE_PAGE;

	return memset(g_aligned_alloc(1, len, ONE_PAGE), 0, len);
}

struct request {
	struct fs *fs;
	const struct fuse_in_header *in;
	const void *more;            /* what follows the header */
};

/* The answer's first `len` bytes behind the header; false when the caller has gone: he was interrupted. */
static bool send_answer(const struct request *r, size_t len)
{
	struct answer *a = r->fs->answer;

	a->head = (struct fuse_out_header){ .len = (uint32_t)(sizeof a->head + len), .unique = r->in->unique };
	return write(r->fs->requests, a, a->head.len) >= 0;
}

static void send_error(const struct request *r, int code)
{
	struct fuse_out_header head = { .len = sizeof head, .error = -code, .unique = r->in->unique };

	(void)!write(r->fs->requests, &head, sizeof head);
}

static void send_bytes(const struct request *r, const char *bytes, size_t len)
{
	struct fuse_out_header head = { .len = (uint32_t)(sizeof head + len), .unique = r->in->unique };
	struct iovec pieces[] = { { &head, sizeof head }, { (void *)(uintptr_t)bytes, len } };

	if (len <= ANSWER_BYTES) {
		memcpy(r->fs->answer->bytes, bytes, len);
		send_answer(r, len);
	} else {
		(void)!writev(r->fs->requests, pieces, 2);
	}
}

static void put_attr(struct fuse_attr *out, uint64_t ino, const struct stat *st)
{
	*out = (struct fuse_attr){
		.ino = ino, .size = (uint64_t)st->st_size, .blocks = (uint64_t)st->st_blocks,
		.atime = (uint64_t)st->st_atim.tv_sec, .atimensec = (uint32_t)st->st_atim.tv_nsec,
		.mtime = (uint64_t)st->st_mtim.tv_sec, .mtimensec = (uint32_t)st->st_mtim.tv_nsec,
		.ctime = (uint64_t)st->st_ctim.tv_sec, .ctimensec = (uint32_t)st->st_ctim.tv_nsec,
		.mode = st->st_mode, .nlink = (uint32_t)st->st_nlink, .uid = st->st_uid, .gid = st->st_gid,
		.rdev = (uint32_t)st->st_rdev, .blksize = (uint32_t)st->st_blksize,
	};
}

/* The node that is asked for; NULL, with the request answered, when it is gone. */
static struct known *node_asked(const struct request *r)
{
	struct known *k = known_at(r->fs->world, r->in->nodeid);

	if (!k)
		send_error(r, ESTALE);
	return k;
}

/* Names and attributes */

/* Whether the caller may look into a directory. */
static int check_search(const struct request *r, const struct known *k)
{
	struct stat st;

	if (uid_is_owner(r->fs, r->in->uid))
		return node_alive(&k->n) ? 0 : ESTALE;
	if (tree_attr(&k->n, &st))
		return ESTALE;
	return st.st_mode & S_IXOTH ? 0 : EACCES;
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

/* A number of 0 stands for no name, ever. */
static bool send_entry(const struct request *r, const struct fuse_entry_param *e)
{
	struct fuse_entry_out *out = &r->fs->answer->entry;

	*out = (struct fuse_entry_out){
		.nodeid = e->ino, .generation = e->generation,
		.entry_valid = (uint64_t)e->entry_timeout, .attr_valid = (uint64_t)e->attr_timeout,
	};
	put_attr(&out->attr, e->attr.st_ino, &e->attr);
	return send_answer(r, sizeof *out);
}

static void tell_entry(const struct request *r, struct known *dir, const char *name, const struct node *child)
{
	struct fuse_entry_param entry;
	int code = fill_entry(r->fs, dir, name, child, &entry);

	if (code)
		send_error(r, code);
	else if (!send_entry(r, &entry))
		known_forget(r->fs->world, known_at(r->fs->world, entry.ino), 1);
}

static void look_up(const struct request *r)
{
	const char *name = r->more;
	struct known *dir = node_asked(r);
	struct node child;
	int code;

	if (!dir)
		return;
	code = check_search(r, dir);
	if (!code)
		code = -tree_find(&dir->n, name, &child);
	else if (code == ESTALE)
		code = stale_lookup(dir, name);
	if (code == ENOENT && tree_never_there(&dir->n, name))
		send_entry(r, &(struct fuse_entry_param){ .entry_timeout = FOREVER });
	else if (code)
		send_error(r, code == ESRCH ? ENOENT : code);
	else
		tell_entry(r, dir, name, &child);
}

static void get_attr(const struct request *r)
{
	const struct fuse_getattr_in *in = r->more;
	struct fuse_attr_out *out = &r->fs->answer->attr;
	struct known *k = node_asked(r);
	struct stat st;
	int code;

	if (!k)
		return;
	/* read(2) asks whether its pages are old; fstat(2) names no file */
	code = in->getattr_flags & FUSE_GETATTR_FH && !node_alive(&k->n) ? ESRCH : full_attr(r->fs, k, &st);
	if (code) {
		send_error(r, code);
		return;
	}
	*out = (struct fuse_attr_out){ .attr_valid = attr_timeout(r->fs, k) };
	put_attr(&out->attr, st.st_ino, &st);
	send_answer(r, sizeof *out);
}

/* Open files */

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
static bool through_cache(struct fs *fs, struct known *k, unsigned flags, bool *keep)
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
	const struct content *c = k->content;
	struct answer *a = fs->answer;

	if (k->opened || !c || !c->len || c->generation != fs->world->generation)
		return false;
	a->head = (struct fuse_out_header){ .error = FUSE_NOTIFY_STORE };
	a->head.len = (uint32_t)(offsetof(struct answer, text) + c->len);
	a->store = (struct fuse_notify_store_out){ .nodeid = k->id, .size = (uint32_t)c->len };
	memcpy(a->text, c->bytes, c->len);
	if (write(fs->requests, a, a->head.len) < 0)
		return false;
	content_forget(fs->world, k);
	return true;
}

/*
 * A stream has no position at all, so that a read that waits does not keep writes of the same description waiting. Before the
 * answer: the text of a small file.
 */
static uint32_t open_flags(struct fs *fs, struct known *k, const struct open_file *f, unsigned flags)
{
	uint32_t own = file_wants_flush(f) ? 0 : FOPEN_NOFLUSH;
	bool keep = false;

	if (file_is_stream(f))
		return own | FOPEN_DIRECT_IO | FOPEN_NONSEEKABLE | FOPEN_STREAM;
	if (!through_cache(fs, k, flags, &keep))
		return own | FOPEN_DIRECT_IO;
	return own | (keep || store_text(fs, k) ? FOPEN_KEEP_CACHE : 0);
}

/* Why a file was not opened to be written is told as of a write that failed; reading leaves no trace. */
static void refuse_open(const struct request *r, const struct known *k, unsigned flags, int code, struct err *e)
{
	if ((flags & O_ACCMODE) != O_RDONLY && code != ESTALE) {
		if (e->code != code)
			err_set(e, code, -1, "open: user %u may not write here", r->in->uid);
		error_log_add(r->fs->world, &k->n, NULL, -1, e);
	}
	send_error(r, code);
}

static void open_file(const struct request *r)
{
	const struct fuse_open_in *in = r->more;
	struct known *k = node_asked(r);
	struct err e = { 0 };
	struct open_file *f;
	int flags = (int)in->flags, rc;

	if (!k)
		return;
	rc = file_access(&k->n, flags, r->in->uid);
	if (!rc && file_is_busy(k, flags))
		rc = -ESTALE;  /* the kernel looks it up again, and finds another number */
	if (rc) {
		refuse_open(r, k, in->flags, -rc, &e);
		return;
	}
	f = file_open(r->fs->world, k, flags, &e);
	if (!f) {
		refuse_open(r, k, in->flags, e.code ? e.code : EIO, &e);
		return;
	}
	r->fs->answer->open = (struct fuse_open_out){ .fh = (uintptr_t)f, .open_flags = open_flags(r->fs, k, f, in->flags) };
	k->opened = true;
	if (!send_answer(r, sizeof r->fs->answer->open))
		begin_release(r->fs, f, false);  /* no release will come */
}

/* False: it may have to wait. */
static bool read_file(const struct request *r)
{
	const struct fuse_read_in *in = r->more;
	struct open_file *f = (struct open_file *)(uintptr_t)in->fh;
	const char *bytes;
	ssize_t n;

	if (file_is_stream(f))
		return false;
	n = file_read(f, in->offset, in->size, &bytes, NULL);
	if (n < 0)
		send_error(r, (int)-n);
	else
		send_bytes(r, bytes, (size_t)n);
	return true;
}

static void release_file(const struct request *r)
{
	const struct fuse_release_in *in = r->more;
	struct open_file *f = (struct open_file *)(uintptr_t)in->fh;

	begin_release(r->fs, f, file_last_writer(f) && must_queue(r->fs, f));
	send_error(r, 0);
}

/* Of option allow_root the library says to others itself that they may not. */
static bool is_shut_out(const struct request *r)
{
	return r->fs->root_alone && !uid_is_owner(r->fs, r->in->uid);
}

bool quick_request(struct fs *fs)
{
	const struct fuse_in_header *in = fs->buffer.mem;
	struct request r = { fs, in, in + 1 };

	fs->world->reader = (pid_t)in->pid;
	switch (in->opcode) {
	case FUSE_LOOKUP:
	case FUSE_GETATTR:
	case FUSE_OPEN:
		if (is_shut_out(&r))
			send_error(&r, EACCES);
		else if (in->opcode == FUSE_LOOKUP)
			look_up(&r);
		else if (in->opcode == FUSE_GETATTR)
			get_attr(&r);
		else
			open_file(&r);
		return true;
	case FUSE_READ:
		return read_file(&r);
	case FUSE_RELEASE:
		release_file(&r);
		return true;
	default:
		return false;
	}
}
