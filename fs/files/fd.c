/* fd.c - proc/PID/fd, fdinfo and ns: links that say what a descriptor or a namespace is. */
#include "process.h"
#include "text.h"
#include "vm_disk.h"
#include "net_socket.h"
#include "vm_file.h"

#include <string.h>

/* A decimal number without sign, leading zeros or anything behind it. */
bool parse_descriptor(const char *name, int *fd)
{
	uint64_t v = 0;
	const char *s = name;

	for (; g_ascii_isdigit(*s) && v <= INT32_MAX; s++)
		v = v * 10 + (uint64_t)(*s - '0');
	if (*s || s == name || v > INT32_MAX || (*name == '0' && name[1]))
		return false;
	*fd = (int)v;
	return true;
}

/* In fd/N and fdinfo/N, n->arg2 is the descriptor; n->arg stays the thread's id below task/. */
static bool fd_of(const struct node *n, struct vm_fd *f)
{
	struct vm_proc *p = process_alive(n, NULL);

	return p && vm_fd_above(p, (int)n->arg2, f) && f->fd == (int)n->arg2;
}

static int missing(struct err *e, const struct node *n)
{
	return err_set(e, ENOENT, -1, "descriptor %d is not open", (int)n->arg2);
}

/* --- what fixtures put there: descriptors that show a text, and are nothing --- */

static void retain_label(void *object)
{
	g_ref_string_acquire(object);
}

static void release_label(void *object)
{
	g_ref_string_release(object);
}

/* N of `kind:[N]`; 0 where there is none. */
static uint64_t label_number(const void *object)
{
	const char *open = strstr(object, ":[");

	return open ? g_ascii_strtoull(open + 2, NULL, 10) : 0;
}

static const struct vm_file_ops label_file = {
	.kind = "label", .retain = retain_label, .release = release_label, .number = label_number,
};
static const struct vm_file_ops pipe_label_file = {
	.kind = "pipe", .retain = retain_label, .release = release_label, .number = label_number,
};

static bool is_pipe_text(const char *text)
{
	g_autofree char *again = g_strdup_printf("pipe:[%" PRIu64 "]", label_number(text));

	return !strcmp(text, again);
}

int place_label(struct vm_proc *p, const char *text, unsigned mode, int fd, struct err *e)
{
	char *object = g_ref_string_new(text);

	if (vm_place_object(p, is_pipe_text(text) ? &pipe_label_file : &label_file, object, mode, fd, e)) {
		g_ref_string_release(object);
		return -e->code;
	}
	return 0;
}

static int show_fd(const struct node *n, GString *out, struct err *e)
{
	g_autofree char *path = NULL;
	struct vm_inode_info info;
	struct vm_fd f;

	if (!fd_of(n, &f))
		return missing(e, n);
	if (f.ops == &label_file) {
		put_text(out, f.object);
		return 0;
	}
	if (!f.inode) {
		put_text(out, f.ops ? f.ops->kind : "anon_inode");
		put_text(out, ":[");
		put_dec(out, f.number);
		put_char(out, ']');
		return 0;
	}
	path = vm_inode_path(f.inode);
	put_text(out, path);
	vm_inode_info(f.inode, &info);
	if (info.unlinked && !info.unlisted)
		put_text(out, " (deleted)");
	return 0;
}

/* The link's own mode tells how it was opened. */
static int fd_attr(const struct node *n, struct stat *st)
{
	struct vm_fd f;

	if (!fd_of(n, &f))
		return -ENOENT;
	st->st_mode = (st->st_mode & S_IFMT) | S_IXUSR | (f.mode & VM_OPEN_READ ? S_IRUSR : 0) |
		      (f.mode & VM_OPEN_WRITE ? S_IWUSR : 0);
	return 0;
}

static int show_fdinfo(const struct node *n, GString *out, struct err *e)
{
	enum { LARGEFILE = 0100000 };
	struct vm_inode_info info = { 0 };
	struct vm_fd f;
	unsigned access;

	if (!fd_of(n, &f))
		return missing(e, n);
	if (f.inode)
		vm_inode_info(f.inode, &info);
	access = f.mode == (VM_OPEN_READ | VM_OPEN_WRITE) ? 2 : f.mode == VM_OPEN_WRITE;
	g_string_append_printf(out, "pos:\t%" PRIu64 "\nflags:\t0%o\nmnt_id:\t21\nino:\t%" PRIu64 "\n", f.position,
			       (f.inode ? LARGEFILE : 0) | access,
			       f.inode ? world_inode_number(n, info.number) : f.number);
	return 0;
}

static const struct row fd_row = {
	.name = "fd", .kind = ROW_LINK, .mode = 0777, .flags = ROW_OWNED, .show = show_fd, .attr = fd_attr,
	.help = "process-fd",
};
static const struct row fdinfo_row = {
	.name = "fdinfo", .kind = ROW_TEXT, .mode = 0444, .flags = ROW_OWNED, .show = show_fdinfo,
	.help = "process-fd",
};

static struct node descriptor_node(const struct node *dir, const struct row *row, int fd)
{
	struct node child = *dir;

	child.row = row;
	child.arg2 = (uint64_t)fd;
	return child;
}

static int find_descriptor(const struct node *dir, const struct row *row, const char *name, struct node *child)
{
	struct vm_fd f;
	int fd;

	if (!world_proc(dir, NULL))
		return -ESRCH;
	if (!parse_descriptor(name, &fd))
		return -ENOENT;
	*child = descriptor_node(dir, row, fd);
	return fd_of(child, &f) ? 0 : -ENOENT;
}

/* The cookie is the descriptor plus 1. */
static bool next_descriptor(const struct node *dir, const struct row *row, uint64_t *cookie, char *name,
			    struct node *child)
{
	struct vm_proc *p = process_alive(dir, NULL);
	struct vm_fd f;

	if (!p || *cookie > INT32_MAX || !vm_fd_above(p, (int)*cookie, &f))
		return false;
	*cookie = (uint64_t)f.fd + 1;
	g_snprintf(name, 256, "%d", f.fd);
	*child = descriptor_node(dir, row, f.fd);
	return true;
}

/*
 * What the links lead to: the kernel looks up `socket:[N]` in fd/, and lsof compares its type and st_ino with the rows of
 * net/tcp. n->arg2 is N.
 */
static bool is_open_pipe(const struct node *n)
{
	struct vm_proc *p = process_alive(n, NULL);
	struct vm_fd f;

	for (int fd = 0; p && vm_fd_above(p, fd, &f); fd = f.fd + 1)
		if (f.ops && f.number == n->arg2 && !strcmp(f.ops->kind, "pipe"))
			return true;
	return false;
}

static int pipe_attr(const struct node *n, struct stat *st)
{
	if (!is_open_pipe(n))
		return -ENOENT;
	st->st_mode = S_IFIFO | 0600;
	st->st_ino = n->arg2;
	return 0;
}

/* Any socket of the host: its holder may have so many that nobody wants to look through them for each. */
static int socket_attr(const struct node *n, struct stat *st)
{
	struct net_host *h = world_net(n, NULL);

	if (!h || !net_socket_by_inode(h, n->arg2))
		return -ENOENT;
	st->st_mode = S_IFSOCK | 0777;
	st->st_ino = n->arg2;
	return 0;
}

static int show_nothing(const struct node *n, GString *out, struct err *e)
{
	return 0;
}

static const struct row targets[] = {
	{ .name = "socket", .kind = ROW_TEXT, .mode = 0777, .flags = ROW_OWNED | ROW_UNLISTED, .show = show_nothing,
	  .attr = socket_attr, .help = "process-fd" },
	{ .name = "pipe", .kind = ROW_TEXT, .mode = 0600, .flags = ROW_OWNED | ROW_UNLISTED, .show = show_nothing,
	  .attr = pipe_attr, .help = "process-fd" },
};

/* `socket:[N]` */
static bool find_target(const struct node *dir, const char *name, struct node *child)
{
	struct stat st;

	for (size_t i = 0; i < G_N_ELEMENTS(targets); i++) {
		size_t len = strlen(targets[i].name);
		g_autofree char *again = NULL;

		if (strncmp(name, targets[i].name, len) || name[len] != ':')
			continue;
		*child = *dir;
		child->row = &targets[i];
		child->arg2 = name[len + 1] ? g_ascii_strtoull(name + len + 2, NULL, 10) : 0;
		again = g_strdup_printf("%s:[%" PRIu64 "]", targets[i].name, child->arg2);
		return !strcmp(name, again) && tree_attr(child, &st) == 0;
	}
	return false;
}

/* `anon_inode:[x]` is a file of no kind. n->arg2 is the descriptor. */
static int anon_attr(const struct node *n, struct stat *st)
{
	struct vm_fd f;

	return fd_of(n, &f) && f.ops == &label_file ? 0 : -ENOENT;
}

static const struct row anon_target = {
	.name = "anon_inode", .kind = ROW_TEXT, .mode = 0600, .flags = ROW_OWNED | ROW_UNLISTED, .show = show_nothing,
	.attr = anon_attr, .help = "process-fd",
};

static bool find_anon(const struct node *dir, const char *name, struct node *child)
{
	struct vm_proc *p = process_alive(dir, NULL);
	struct vm_fd f;

	if (!g_str_has_prefix(name, "anon_inode:"))
		return false;
	for (int fd = 0; p && vm_fd_above(p, fd, &f); fd = f.fd + 1) {
		if (f.ops != &label_file || strcmp(f.object, name))
			continue;
		*child = descriptor_node(dir, &anon_target, f.fd);
		return true;
	}
	return false;
}

static int fd_find(const struct node *dir, const char *name, struct node *child)
{
	if (find_target(dir, name, child) || find_anon(dir, name, child))
		return 0;
	return find_descriptor(dir, &fd_row, name, child);
}

static bool fd_next(const struct node *dir, uint64_t *cookie, char *name, struct node *child)
{
	return next_descriptor(dir, &fd_row, cookie, name, child);
}

static int fdinfo_find(const struct node *dir, const char *name, struct node *child)
{
	return find_descriptor(dir, &fdinfo_row, name, child);
}

static bool fdinfo_next(const struct node *dir, uint64_t *cookie, char *name, struct node *child)
{
	return next_descriptor(dir, &fdinfo_row, cookie, name, child);
}

const struct dir_ops fd_ops = { .find = fd_find, .next = fd_next };
const struct dir_ops fdinfo_ops = { .find = fdinfo_find, .next = fdinfo_next };

/* --- ns --- */

enum { NAMESPACES = 8 };
static const char *const namespace_kinds[NAMESPACES] = { "cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts" };

/* Linux's initial namespaces start near 0xF0000000; all processes of a host share theirs. */
static uint64_t namespace_number(const struct node *n, unsigned kind)
{
	return 0xF0000000u + n->host * NAMESPACES + kind;
}

static int put_namespace(const struct node *n, const char *name, GString *out)
{
	for (unsigned i = 0; i < NAMESPACES; i++) {
		size_t len = strlen(namespace_kinds[i]);

		if (!strncmp(name, namespace_kinds[i], len) && (!name[len] || name[len] == '_')) {
			g_string_append_printf(out, "%s:[%" PRIu64 "]", namespace_kinds[i], namespace_number(n, i));
			return 0;
		}
	}
	return -ENOENT;
}

static int show_namespace(const struct node *n, GString *out, struct err *e)
{
	return put_namespace(n, n->row->name, out);
}

const struct row ns_rows[] = {
	LINK("cgroup", show_namespace),
	LINK("ipc", show_namespace),
	LINK("mnt", show_namespace),
	LINK("net", show_namespace),
	LINK("pid", show_namespace),
	LINK("pid_for_children", show_namespace),
	LINK("time", show_namespace),
	LINK("time_for_children", show_namespace),
	LINK("user", show_namespace),
	LINK("uts", show_namespace),
	{ 0 }
};

/* What the links lead to: the kernel looks up `net:[N]` in ns/, and lsns and lsof compare st_ino with N. */
static int target_attr(const struct node *n, struct stat *st)
{
	st->st_mode = S_IFREG | 0444;
	st->st_ino = n->arg2;
	return 0;
}

static const struct row target_row = {
	.name = "namespace", .kind = ROW_TEXT, .mode = 0444, .flags = ROW_UNLISTED, .show = show_nothing,
	.attr = target_attr,
};

static int ns_find(const struct node *dir, const char *name, struct node *child)
{
	for (unsigned i = 0; i < NAMESPACES; i++) {
		g_autoptr(GString) text = g_string_new(NULL);

		put_namespace(dir, namespace_kinds[i], text);
		if (!strcmp(text->str, name)) {
			*child = *dir;
			child->row = &target_row;
			child->arg2 = namespace_number(dir, i);
			return 0;
		}
	}
	return -ENOENT;
}

static bool ns_next(const struct node *dir, uint64_t *cookie, char *name, struct node *child)
{
	return false;
}

const struct dir_ops ns_ops = { .find = ns_find, .next = ns_next };
