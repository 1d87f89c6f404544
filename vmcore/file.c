/*
 * file.c - open file descriptions, and the tables of descriptors that name them.
 *
 * A description is what open(2) makes: position and mode, shared by dup and fork, and the key by which areas merge.
 * Areas hold it too, so it may outlive all descriptors.
 */
#include "file.h"
#include "pipe.h"
#include "proc.h"

enum { PLACE_MAX = 1 << 20 };

struct fd_table {
	struct file **at;
	int size;                    /* of `at` */
	int lowest;                  /* no descriptor below it is free */
};

static struct file *description_new(struct vm_host *h, unsigned mode)
{
	struct file *f = g_new0(struct file, 1);

	f->refs = 1;
	f->number = h->next_description++;
	f->mode = mode;
	return f;
}

struct file *file_new(struct vm_inode *i, unsigned mode)
{
	struct file *f = description_new(i->host, mode);

	f->inode = vm_inode_retain(i);
	return f;
}

struct file *file_retain(struct file *f)
{
	f->refs++;
	return f;
}

void file_release(struct file *f)
{
	assert(f->refs > 0);
	if (--f->refs > 0)
		return;
	if (f->inode) {
		vm_inode_closed(f->inode);
		vm_inode_release(f->inode);
	}
	g_free(f);
}

static struct fd_table *fds_new(void)
{
	return g_new0(struct fd_table, 1);
}

/* Objects of others (sockets, pipes) count their descriptors. */
static struct file *descriptor_retain(struct file *f)
{
	if (f->ops)
		f->ops->retain(f->object);
	return file_retain(f);
}

static void descriptor_release(struct file *f)
{
	if (f->ops)
		f->ops->release(f->object);
	file_release(f);
}

struct fd_table *fds_copy(const struct fd_table *from)
{
	struct fd_table *t = fds_new();

	t->size = from->size;
	t->lowest = from->lowest;
	t->at = g_new0(struct file *, t->size);
	for (int fd = 0; fd < t->size; fd++)
		if (from->at[fd])
			t->at[fd] = descriptor_retain(from->at[fd]);
	return t;
}

void fds_free(struct fd_table *t)
{
	for (int fd = 0; fd < t->size; fd++)
		if (t->at[fd])
			descriptor_release(t->at[fd]);
	g_free(t->at);
	g_free(t);
}

struct file *fd_at(const struct fd_table *t, int fd)
{
	return t && fd >= 0 && fd < t->size ? t->at[fd] : NULL;
}

static int lowest_free(const struct fd_table *t)
{
	int fd = t ? t->lowest : 0;

	while (fd_at(t, fd))
		fd++;
	return fd;
}

int vm_fd_next(const struct vm_proc *p, struct err *e)
{
	uint64_t most = vm_getrlimit(p, VM_RLIMIT_NOFILE).soft;
	int fd = lowest_free(p->fds);

	if (!p->mm)
		return err_set(e, ESRCH, -1, "process %d has ended", p->pid);
	if ((uint64_t)fd >= most)
		return err_set(e, EMFILE, -1, "RLIMIT_NOFILE allows %" G_GUINT64_FORMAT " descriptors", most);
	return fd;
}

/* `f`'s reference becomes the table's. */
static void fd_install(struct vm_proc *p, int fd, struct file *f)
{
	struct fd_table *t;

	if (!p->fds)
		p->fds = fds_new();
	t = p->fds;
	if (fd >= t->size) {
		int size = MAX(fd + 1, t->size * 2);

		t->at = g_renew(struct file *, t->at, size);
		for (int k = t->size; k < size; k++)
			t->at[k] = NULL;
		t->size = size;
	}
	t->at[fd] = f;
	t->lowest = fd + 1;
	proc_changed(p);
}

int vm_open(struct vm_proc *p, struct vm_inode *inode, unsigned mode, int *fd, struct err *e)
{
	int n;

	if (mode == 0 || mode & ~(VM_OPEN_READ | VM_OPEN_WRITE))
		return err_set(e, EINVAL, 1, "mode 0x%x is not r, w or rw", mode);
	if (inode->kind == VM_INODE_DIR && mode & VM_OPEN_WRITE)
		return err_set(e, EISDIR, 0, "a directory cannot be opened for writing");
	if (inode->kind == VM_INODE_LINK)
		return err_set(e, ELOOP, 0, "a symbolic link is not a file");
	n = vm_fd_next(p, e);
	if (n < 0)
		return n;
	fd_install(p, n, file_new(inode, mode));
	*fd = n;
	return 0;
}

static struct file *object_new(struct vm_host *h, const struct vm_file_ops *ops, void *object, unsigned mode)
{
	struct file *f = description_new(h, mode);

	f->ops = ops;
	f->object = object;
	return f;
}

int vm_open_object(struct vm_proc *p, const struct vm_file_ops *ops, void *object, unsigned mode, int *fd,
		   struct err *e)
{
	int n = vm_fd_next(p, e);

	if (n < 0)
		return n;
	fd_install(p, n, object_new(p->host, ops, object, mode));
	*fd = n;
	return 0;
}

int vm_place_check(const struct vm_proc *p, int fd, struct err *e)
{
	if (!p->mm)
		return err_set(e, ESRCH, -1, "process %d has ended", p->pid);
	if (fd < -1 || fd > PLACE_MAX)
		return err_set(e, EBADF, -1, "descriptor %d is not from 0 to %d", fd, PLACE_MAX);
	if (fd_at(p->fds, fd))
		return err_set(e, EBUSY, -1, "descriptor %d is open", fd);
	return 0;
}

static void place(struct vm_proc *p, int fd, struct file *file)
{
	int lowest = lowest_free(p->fds);

	if (fd == -1)
		fd = lowest;
	fd_install(p, fd, file);
	if (fd > lowest)
		p->fds->lowest = lowest;
}

int vm_place_object(struct vm_proc *p, const struct vm_file_ops *ops, void *object, unsigned mode, int fd,
		    struct err *e)
{
	int error = vm_place_check(p, fd, e);

	if (!error)
		place(p, fd, object_new(p->host, ops, object, mode));
	return error;
}

void vm_fd_set_position(struct vm_proc *p, int fd, uint64_t position)
{
	struct file *f = fd_at(p->fds, fd);

	if (f)
		f->position = position;
}

int vm_place_file(struct vm_proc *p, struct vm_inode *inode, unsigned mode, uint64_t position, int fd, struct err *e)
{
	int error = vm_place_check(p, fd, e);
	struct file *file;

	if (error)
		return error;
	file = file_new(inode, mode);
	file->position = position;
	place(p, fd, file);
	return 0;
}

/* Both ends or none. */
int vm_pipe(struct vm_proc *p, int fds[2], struct err *e)
{
	int reader = vm_fd_next(p, e), writer;
	struct pipe *pipe;

	if (reader < 0)
		return reader;
	for (writer = reader + 1; fd_at(p->fds, writer); writer++)
		;
	if ((uint64_t)writer >= vm_getrlimit(p, VM_RLIMIT_NOFILE).soft)
		return err_set(e, EMFILE, -1, "RLIMIT_NOFILE leaves one descriptor, a pipe has two");

	pipe = pipe_new(p->host);
	fd_install(p, reader, object_new(p->host, &pipe_read_end, pipe, VM_OPEN_READ));
	fd_install(p, writer, object_new(p->host, &pipe_write_end, pipe, VM_OPEN_WRITE));
	fds[0] = reader;
	fds[1] = writer;
	return 0;
}

static struct file *file_of(const struct vm_proc *p, int fd, struct err *e)
{
	struct file *f = fd_at(p->fds, fd);

	if (!f)
		err_set(e, EBADF, 0, "descriptor %d is not open", fd);
	return f;
}

int vm_close(struct vm_proc *p, int fd, struct err *e)
{
	struct file *f = file_of(p, fd, e);

	if (!f)
		return -EBADF;
	p->fds->at[fd] = NULL;
	p->fds->lowest = MIN(p->fds->lowest, fd);
	proc_changed(p);
	descriptor_release(f);
	return 0;
}

int vm_dup(struct vm_proc *p, int fd, int *result, struct err *e)
{
	struct file *f = file_of(p, fd, e);
	int n;

	if (!f)
		return -EBADF;
	n = vm_fd_next(p, e);
	if (n < 0)
		return n;
	fd_install(p, n, descriptor_retain(f));
	*result = n;
	return 0;
}

/* The description behind a descriptor open for `mode` on a file. */
static int file_for(const struct vm_proc *p, int fd, unsigned mode, struct file **out, struct err *e)
{
	struct file *f = *out = file_of(p, fd, e);

	if (!f)
		return -EBADF;
	if (!(f->mode & mode))
		return err_set(e, EBADF, 0, "descriptor %d is not open for %s", fd,
			       mode == VM_OPEN_READ ? "reading" : "writing");
	if (!f->inode && !(mode == VM_OPEN_READ ? (void *)f->ops->read : (void *)f->ops->write))
		return err_set(e, EINVAL, 0, "descriptor %d is a %s, not a file", fd, f->ops->kind);
	return 0;
}

/* One call that moved `n` bytes has been made. */
static void count_read(struct vm_proc *p, size_t n)
{
	p->rchar += n;
	p->syscr++;
	proc_spend(p, p->host->config.syscall, false);
	proc_changed(p);
}

static void count_write(struct vm_proc *p, size_t n)
{
	p->wchar += n;
	p->syscw++;
	proc_spend(p, p->host->config.syscall, false);
	proc_changed(p);
}

static int object_read(struct vm_proc *p, struct file *f, void *to, size_t len, size_t *done, struct err *e)
{
	ssize_t n = f->ops->read(f->object, to, len, e);

	if (n < 0)
		return (int)n;
	*done = (size_t)n;
	count_read(p, *done);
	return 0;
}

static int object_write(struct vm_proc *p, struct file *f, const void *from, size_t len, size_t *done, struct err *e)
{
	ssize_t n = f->ops->write(f->object, from, len, e);

	if (n < 0)
		return (int)n;
	*done = (size_t)n;
	count_write(p, *done);
	return 0;
}

/* The new position, or false beyond what a position can be. */
static bool position_from(uint64_t from, int64_t offset, uint64_t *to)
{
	*to = from + (uint64_t)offset;
	return offset < 0 ? -(uint64_t)offset <= from : *to <= INT64_MAX;
}

int vm_lseek(struct vm_proc *p, int fd, int64_t offset, int whence, uint64_t *result, struct err *e)
{
	struct file *f = file_of(p, fd, e);
	uint64_t from, to;

	if (!f)
		return -EBADF;
	if (!f->inode)
		return err_set(e, ESPIPE, 0, "a %s has no position", f->ops->kind);
	if (whence < VM_SEEK_SET || whence > VM_SEEK_END)
		return err_set(e, EINVAL, 2, "whence is set, cur or end");
	from = whence == VM_SEEK_SET ? 0 : whence == VM_SEEK_CUR ? f->position : f->inode->size;
	if (!position_from(from, offset, &to))
		return err_set(e, EINVAL, 1, "the position would be negative or too large");
	f->position = *result = to;
	proc_changed(p);
	return 0;
}

int vm_fd_read(struct vm_proc *p, int fd, void *to, size_t len, size_t *done, struct err *e)
{
	uint64_t from_disk = p->host->stats.disk_read;
	struct file *f;
	ssize_t n;
	int r = file_for(p, fd, VM_OPEN_READ, &f, e);

	*done = 0;
	if (r < 0)
		return r;
	if (!f->inode)
		return object_read(p, f, to, len, done, e);
	n = vm_inode_read(f->inode, f->position, to, len, e);
	if (n < 0)
		return (int)n;
	*done = (size_t)n;
	f->position += *done;
	p->read_bytes += p->host->stats.disk_read - from_disk;
	count_read(p, *done);
	return 0;
}

int vm_fd_write(struct vm_proc *p, int fd, const void *from, size_t len, size_t *done, struct err *e)
{
	uint64_t most = vm_getrlimit(p, VM_RLIMIT_FSIZE).soft, dirty;
	struct file *f;
	ssize_t n;
	int r = file_for(p, fd, VM_OPEN_WRITE, &f, e);

	*done = 0;
	if (r < 0)
		return r;
	if (!f->inode)
		return object_write(p, f, from, len, done, e);
	if (len > 0 && f->position >= most)
		return err_set(e, EFBIG, -1, "RLIMIT_FSIZE allows files of %" G_GUINT64_FORMAT " bytes", most);
	len = MIN(len, most - f->position);
	dirty = f->inode->dirty;
	n = vm_inode_write(f->inode, f->position, from, len, e);
	if (n < 0)
		return (int)n;
	*done = (size_t)n;
	f->position += *done;
	if (f->inode->dirty > dirty)                     /* Linux charges the page when it becomes dirty */
		p->write_bytes += (f->inode->dirty - dirty) << p->host->geometry.page_bits;
	count_write(p, *done);
	return 0;
}

int vm_fd_poll(const struct vm_proc *p, int fd, unsigned *ready, struct err *e)
{
	struct file *f = file_of(p, fd, e);

	if (!f)
		return -EBADF;
	*ready = f->ops && f->ops->poll ? f->ops->poll(f->object) : VM_POLL_IN | VM_POLL_OUT;
	return 0;
}

static void describe(const struct file *f, int fd, struct vm_fd *out)
{
	*out = (struct vm_fd){ .fd = fd, .mode = f->mode, .inode = f->inode, .ops = f->ops, .object = f->object,
			       .position = f->position, .description = f->number, .number = f->number };
	if (f->ops && f->ops->number)
		out->number = f->ops->number(f->object);
}

int vm_fd_at(const struct vm_proc *p, int fd, struct vm_fd *out, struct err *e)
{
	struct file *f = file_of(p, fd, e);

	if (!f)
		return -EBADF;
	describe(f, fd, out);
	return 0;
}

bool vm_fd_above(const struct vm_proc *p, int fd, struct vm_fd *out)
{
	const struct fd_table *t = p->fds;

	for (fd = MAX(fd, 0); t && fd < t->size; fd++) {
		if (!t->at[fd])
			continue;
		describe(t->at[fd], fd, out);
		return true;
	}
	return false;
}
