/*
 * null_fs.c - the floor: a file system that does nothing but answer, with what it knew when it was mounted.
 *
 * `null_fs DIR` has one file, `file`, that is never cached. `null_fs DIR PROC N` has beside it what ps -e reads of a host with
 * processes 1 to N, with the texts of PROC, a simulated host's proc/, and of its process 1 for each, but with its own number; the
 * kernel is told to keep as much as vitrine lets it keep, so that as many messages come. It ends with SIGTERM.
 */
#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOREVER = 1000, TEXT_MAX = 8192, REPLY_MAX = 1 << 20, NUMBER_WIDTH = 7 };

/* Inode numbers: of what is there once, the place in `fixed`; of process P's, P * PER_PROCESS + the place in `inside`. */
enum { ROOT = FUSE_ROOT_ID, NULL_FILE, SELF, SYS, KERNEL, FIRST_TEXT, PER_PROCESS = 16, FIRST_PROCESS = 2 * PER_PROCESS };

struct name {
	const char *name;
	fuse_ino_t  parent;   /* in `fixed` */
	mode_t      mode;
	size_t      len;
	char        text[TEXT_MAX];
};

static struct name fixed[] = {
	[ROOT] = { "", 0, S_IFDIR | 0555, 0, "" },
	[NULL_FILE] = { "file", ROOT, S_IFREG | 0444, 43, "now=0.000000000 mode=auto pending=0 next=-\n" },
	[SELF] = { "self", ROOT, S_IFLNK | 0777, 1, "1" },
	[SYS] = { "sys", ROOT, S_IFDIR | 0555, 0, "" },
	[KERNEL] = { "kernel", SYS, S_IFDIR | 0555, 0, "" },
	[FIRST_TEXT] = { "pid_max", KERNEL, S_IFREG | 0444, 0, "sys/kernel/pid_max" },  /* texts: where they are in PROC */
	{ "uptime", ROOT, S_IFREG | 0444, 0, "uptime" },
	{ "stat", ROOT, S_IFREG | 0444, 0, "stat" },
	{ "meminfo", ROOT, S_IFREG | 0444, 0, "meminfo" },
	{ "cpuinfo", ROOT, S_IFREG | 0444, 0, "cpuinfo" },
};

static struct name inside[] = {
	{ "", 0, S_IFDIR | 0555, 0, "" },
	{ "stat", 0, S_IFREG | 0444, 0, "1/stat" },
	{ "status", 0, S_IFREG | 0444, 0, "1/status" },
	{ "environ", 0, S_IFREG | 0400, 0, "1/environ" },
	{ "cmdline", 0, S_IFREG | 0444, 0, "1/cmdline" },
	{ "task", 0, S_IFDIR | 0555, 0, "" },
	{ "ctl", 0, S_IFREG | 0644, 0, "1/stat" },
};

enum { FIXED = sizeof fixed / sizeof *fixed, INSIDE = sizeof inside / sizeof *inside };

static struct fuse_session *session;
static char *numbers[INSIDE][2];   /* in texts of `inside`: where the process's own stands, with zeros before it */
static const char *const before_number[] = { "\nTgid:\t", "\nPid:\t" };
static unsigned long processes;
static bool *stored;          /* by inode number: the kernel has the text */
static char reply[REPLY_MAX];

static struct name *name_of(fuse_ino_t ino)
{
	return ino < FIRST_PROCESS ? &fixed[ino] : &inside[ino % PER_PROCESS];
}

static void attr(fuse_ino_t ino, struct stat *st)
{
	const struct name *n = name_of(ino);

	memset(st, 0, sizeof *st);
	st->st_ino = ino;
	st->st_nlink = 1;
	st->st_mode = n->mode;
	st->st_size = (off_t)n->len;
}

static void entry(fuse_ino_t ino, double timeout, struct fuse_entry_param *e)
{
	memset(e, 0, sizeof *e);
	e->ino = ino;
	e->generation = 1;
	e->entry_timeout = timeout;
	e->attr_timeout = ino == NULL_FILE ? 0 : timeout;
	attr(ino, &e->attr);
}

/* 0: there is none. A number of nobody's is the reader's own, for which process 1 stands. */
static fuse_ino_t find(fuse_ino_t parent, const char *name, double *timeout)
{
	unsigned long pid = parent == ROOT ? strtoul(name, NULL, 10) : 0;

	*timeout = FOREVER;
	if (pid > processes) {
		*timeout = 0;
		return FIRST_PROCESS;
	}
	if (pid)
		return FIRST_PROCESS + (pid - 1) * PER_PROCESS;
	if (parent >= FIRST_PROCESS) {
		for (fuse_ino_t i = 1; i < INSIDE; i++)
			if (!strcmp(inside[i].name, name))
				return parent + i;
		return 0;
	}
	for (fuse_ino_t i = NULL_FILE; i < (processes ? FIXED : SELF); i++)
		if (fixed[i].parent == parent && !strcmp(fixed[i].name, name))
			return i;
	return 0;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e;
	double timeout;
	fuse_ino_t ino = find(parent, name, &timeout);

	if (!ino && parent >= FIRST_PROCESS) {  /* it will never be there */
		fuse_reply_entry(req, &(struct fuse_entry_param){ .entry_timeout = FOREVER });
		return;
	}
	if (!ino) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	entry(ino, timeout, &e);
	fuse_reply_entry(req, &e);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;

	attr(ino, &st);
	fuse_reply_attr(req, &st, ino == NULL_FILE ? 0 : FOREVER);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	fuse_reply_readlink(req, name_of(ino)->text);
}

/* Its text becomes process `pid`'s. */
static void put_number(unsigned place, unsigned long pid)
{
	for (unsigned i = 0; i < 2 && numbers[place][i]; i++) {
		char *at = numbers[place][i] + NUMBER_WIDTH;

		for (unsigned long left = pid; at-- > numbers[place][i]; left /= 10)
			*at = (char)('0' + left % 10);
	}
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct name *n = name_of(ino);
	struct fuse_bufvec text = FUSE_BUFVEC_INIT(n->len);

	fi->direct_io = ino == NULL_FILE;
	fi->noflush = 1;
	fi->keep_cache = ino != NULL_FILE;
	if (ino >= FIRST_PROCESS && n->len && !stored[ino]) {
		put_number(ino % PER_PROCESS, ino / PER_PROCESS - 1);
		text.buf[0].mem = n->text;
		stored[ino] = fuse_lowlevel_notify_store(session, ino, 0, &text, 0) == 0;
	}
	fuse_reply_open(req, fi);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	const struct name *n = name_of(ino);
	size_t at = off < (off_t)n->len ? (size_t)off : n->len;

	fuse_reply_buf(req, n->text + at, n->len - at < size ? n->len - at : size);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t len, off_t off, struct fuse_file_info *fi)
{
	fuse_reply_write(req, len);
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	fuse_reply_err(req, 0);
}

static void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	fi->cache_readdir = 1;
	fi->keep_cache = 1;
	fuse_reply_open(req, fi);
}

/* Of the root, the processes alone; the others are only looked up. */
static void list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, bool plus)
{
	size_t room = size < REPLY_MAX ? size : REPLY_MAX, used = 0;

	for (unsigned long pid = (unsigned long)off + 1; ino == ROOT && pid <= processes; pid++) {
		struct fuse_entry_param e;
		char name[24];
		size_t n;

		snprintf(name, sizeof name, "%lu", pid);
		entry(FIRST_PROCESS + (pid - 1) * PER_PROCESS, FOREVER, &e);
		n = plus ? fuse_add_direntry_plus(req, reply + used, room - used, name, &e, (off_t)pid)
			 : fuse_add_direntry(req, reply + used, room - used, name, &e.attr, (off_t)pid);
		if (n > room - used)
			break;
		used += n;
	}
	fuse_reply_buf(req, reply, used);
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	list(req, ino, size, off, false);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	list(req, ino, size, off, true);
}

static const struct fuse_lowlevel_ops ops = {
	.lookup = op_lookup, .getattr = op_getattr, .readlink = op_readlink, .open = op_open, .read = op_read,
	.write = op_write, .release = op_release, .opendir = op_opendir, .readdir = op_readdir,
	.readdirplus = op_readdirplus, .releasedir = op_release,
};

static bool read_text(int proc, struct name *n)
{
	int fd = openat(proc, n->text, O_RDONLY);
	ssize_t len = fd < 0 ? -1 : read(fd, n->text, sizeof n->text - 2 * NUMBER_WIDTH);

	n->len = len < 0 ? 0 : (size_t)len;
	return len >= 0 && close(fd) == 0;
}

/* Makes room for numbers of any length in place of the 1 at `at`. */
static char *widen(struct name *n, char *at)
{
	memmove(at + NUMBER_WIDTH, at + 1, (size_t)(n->text + n->len - at - 1));
	n->len += NUMBER_WIDTH - 1;
	return at;
}

static void find_numbers(struct name *n, char **number)
{
	if (!strcmp(n->name, "stat"))
		number[0] = widen(n, n->text);
	for (unsigned i = 0; i < 2 && !strcmp(n->name, "status"); i++) {
		char *at = strstr(n->text, before_number[i]);

		if (at)
			number[i] = widen(n, at + strlen(before_number[i]));
	}
}

static bool read_texts(const char *path)
{
	int proc = open(path, O_PATH | O_DIRECTORY);

	if (proc < 0)
		return false;
	for (unsigned i = FIRST_TEXT; i < FIXED; i++)
		if (!read_text(proc, &fixed[i]))
			return false;
	for (unsigned i = 1; i < INSIDE; i++) {
		if (S_ISREG(inside[i].mode) && !read_text(proc, &inside[i]))
			return false;
		find_numbers(&inside[i], numbers[i]);
	}
	return close(proc) == 0;
}

int main(int argc, char **argv)
{
	char *words[] = { argv[0], (char *)"-o", (char *)"fsname=null", NULL };
	struct fuse_args args = FUSE_ARGS_INIT(3, words);

	if (argc == 4) {
		processes = strtoul(argv[3], NULL, 10);
		if (!read_texts(argv[2]))
			return 1;
	}
	stored = calloc((processes + 2) * PER_PROCESS, sizeof *stored);
	session = fuse_session_new(&args, &ops, sizeof ops, NULL);
	if (argc < 2 || !stored || !session || fuse_set_signal_handlers(session) || fuse_session_mount(session, argv[1]))
		return 1;
	fuse_session_loop(session);
	fuse_session_unmount(session);
	fuse_remove_signal_handlers(session);
	fuse_session_destroy(session);
	free(stored);
	return 0;
}
