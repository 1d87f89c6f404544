/*
 * disk.c - hosts/H/files: the simulated disk as an ordinary directory.
 *
 * A node names its inode by number (0: the root), so it outlives names; what is open is retained, so an
 * unlinked file lives on as long as somebody reads it. Reading is a debugger's look (no page cache is filled);
 * writing is write(2). Times are the machine's own, counted from its boot date, where touch(1) has not set others.
 */
#include "disk.h"

#include "vm_disk.h"
#include "world.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* What of a stat is to be set: the bits of FUSE's SETATTR. */
enum { SET_MODE = 1 << 0, SET_UID = 1 << 1, SET_GID = 1 << 2, SET_SIZE = 1 << 3, SET_MTIME = 1 << 5, SET_MTIME_NOW = 1 << 8 };
enum { EXCHANGE_OR_WHITEOUT = 2 | 4 };     /* of renameat2(2)'s flags */
enum { BLOCK_BYTES = 4096 };
static const int64_t boot_date_s = 1735689600;

static const struct row directory_row, file_row, link_row;

/* NULL when the host or the inode is gone. */
static struct vm_inode *inode_of(const struct node *n)
{
	struct vm_host *vm = world_vm(n, NULL);

	if (!vm)
		return NULL;
	return n->arg ? vm_inode_by_number(vm, n->arg) : vm_disk_root(vm);
}

static int inode_or_error(const struct node *n, struct vm_inode **inode, struct err *e)
{
	*inode = inode_of(n);
	return *inode ? 0 : err_set(e, ESTALE, -1, "the file is gone");
}

static int node_of(const struct node *dir, const struct vm_inode *inode, struct node *child)
{
	struct vm_inode_info info;

	vm_inode_info(inode, &info);
	*child = *dir;
	child->format = FORMAT_TEXT;
	child->arg = info.number;
	child->arg2 = 0;
	child->row = info.kind == VM_INODE_DIR ? &directory_row : info.kind == VM_INODE_LINK ? &link_row : &file_row;
	return 0;
}

/* Directories. */

static int find_name(const struct node *dir, const char *name, struct node *child)
{
	struct vm_inode *d = inode_of(dir), *inode;

	if (!d)
		return -ESTALE;
	inode = vm_dir_at(d, name);
	return inode ? node_of(dir, inode, child) : -ENOENT;
}

static bool next_name(const struct node *dir, uint64_t *cookie, char *name, struct node *child)
{
	struct vm_inode *d = inode_of(dir), *inode;
	const char *entry;

	if (!d || !vm_dir_next(d, cookie, &entry, &inode))
		return false;
	g_strlcpy(name, entry, NAME_MAX + 1);
	node_of(dir, inode, child);
	return true;
}

/* A new inode belongs to who mounted: to that user it is an ordinary directory. */
static int make(const struct node *dir, const char *name, enum vm_inode_kind kind, mode_t mode, const char *target,
		struct node *child, struct err *e)
{
	struct vm_inode *d, *made;
	struct node unused;

	if (inode_or_error(dir, &d, e) || vm_dir_create(d, name, kind, mode & 07777, target, &made, e))
		return -e->code;
	vm_inode_chown(made, dir->world->uid, dir->world->gid, NULL);
	return node_of(dir, made, child ? child : &unused);
}

static int make_directory(const struct node *dir, const char *name, mode_t mode, struct err *e)
{
	return make(dir, name, VM_INODE_DIR, mode, NULL, NULL, e);
}

static int make_file(const struct node *dir, const char *name, mode_t mode, struct node *child, struct err *e)
{
	return make(dir, name, VM_INODE_FILE, mode, NULL, child, e);
}

static int make_link(const struct node *dir, const char *name, const char *target, struct node *child, struct err *e)
{
	return make(dir, name, VM_INODE_LINK, 0777, target, child, e);
}

static int remove_directory(const struct node *dir, const char *name, struct err *e)
{
	struct vm_inode *d;

	return inode_or_error(dir, &d, e) ? -e->code : vm_dir_unlink(d, name, true, e);
}

static int remove_file(const struct node *dir, const char *name, struct err *e)
{
	struct vm_inode *d;

	return inode_or_error(dir, &d, e) ? -e->code : vm_dir_unlink(d, name, false, e);
}

static int add_name(const struct node *dir, const char *name, const struct node *target, struct err *e)
{
	struct vm_inode *d, *inode;

	if (target->host != dir->host)
		return err_set(e, EXDEV, -1, "the file is on another host's disk");
	if (inode_or_error(dir, &d, e) || inode_or_error(target, &inode, e))
		return -e->code;
	return vm_dir_link(d, name, inode, e);
}

static int rename_entry(const struct node *dir, const char *name, const struct node *to, const char *new_name,
			unsigned flags, struct err *e)
{
	struct vm_inode *from, *d;

	if (flags & EXCHANGE_OR_WHITEOUT)
		return err_set(e, EINVAL, -1, "names cannot be exchanged");
	if (to->host != dir->host || to->row->dynamic != &disk_dir)
		return err_set(e, EXDEV, -1, "%s is not on the same disk", new_name);
	if (inode_or_error(dir, &from, e) || inode_or_error(to, &d, e))
		return -e->code;
	return vm_dir_rename(from, name, d, new_name, flags & 1, e);
}

const struct dir_ops disk_dir = {
	.find = find_name, .next = next_name, .mkdir = make_directory, .rmdir = remove_directory, .create = make_file,
	.unlink = remove_file, .symlink = make_link, .link = add_name, .rename = rename_entry,
};

/* Files. */

static uint64_t file_size(const struct node *n)
{
	struct vm_inode *inode = inode_of(n);
	struct vm_inode_info info;

	if (!inode)
		return 0;
	vm_inode_info(inode, &info);
	return info.size;
}

static ssize_t file_read(const struct node *n, uint64_t at, void *to, size_t len, struct err *e)
{
	struct vm_inode *inode;

	return inode_or_error(n, &inode, e) ? -e->code : vm_inode_peek(inode, at, to, len);
}

static ssize_t file_write(const struct node *n, uint64_t at, const void *from, size_t len, struct err *e)
{
	struct vm_inode *inode;

	return inode_or_error(n, &inode, e) ? -e->code : vm_inode_write(inode, at, from, len, e);
}

static void file_open(const struct node *n)
{
	struct vm_inode *inode = inode_of(n);

	if (inode)
		vm_inode_retain(inode);
}

static void file_close(const struct node *n)
{
	struct vm_inode *inode = inode_of(n);

	if (!inode)
		return;
	vm_inode_closed(inode);
	vm_inode_release(inode);
}

static const struct bytes_ops file_bytes = { file_size, file_read, file_write, file_open, file_close };

static int show_target(const struct node *n, GString *out, struct err *e)
{
	struct vm_inode *inode;

	if (inode_or_error(n, &inode, e))
		return -e->code;
	g_string_append(out, vm_inode_target(inode));
	return 0;
}

/* Attributes. */

int disk_attr(const struct node *n, struct stat *st)
{
	static const mode_t types[] = { [VM_INODE_FILE] = S_IFREG, [VM_INODE_DIR] = S_IFDIR, [VM_INODE_LINK] = S_IFLNK,
					[VM_INODE_SHM] = S_IFREG };
	struct vm_inode *inode = inode_of(n);
	struct vm_inode_info info;
	int64_t changed;

	if (!inode)
		return -ESTALE;
	vm_inode_info(inode, &info);
	st->st_mode = types[info.kind] | info.mode;
	st->st_ino = world_inode_number(n, info.number);
	st->st_nlink = info.links;
	st->st_blocks = (blkcnt_t)info.blocks;
	st->st_size = info.kind == VM_INODE_DIR ? BLOCK_BYTES : (off_t)info.size;
	if (n->arg) {
		st->st_uid = info.uid;
		st->st_gid = info.gid;
	}
	/* Times before the machine's boot date wrapped around when they were set. */
	changed = (int64_t)info.mtime;
	st->st_mtim.tv_sec = boot_date_s + changed / (int64_t)NS_PER_S - (changed % (int64_t)NS_PER_S < 0);
	st->st_mtim.tv_nsec = (changed % (int64_t)NS_PER_S + (int64_t)NS_PER_S) % (int64_t)NS_PER_S;
	st->st_atim = st->st_mtim;
	st->st_ctim.tv_sec = boot_date_s + (int64_t)(info.ctime / NS_PER_S);
	st->st_ctim.tv_nsec = (long)(info.ctime % NS_PER_S);
	return 0;
}

int disk_setattr(const struct node *n, const struct stat *st, int valid, struct err *e)
{
	struct vm_inode *inode;
	struct vm_inode_info info;
	int64_t seconds = st->st_mtim.tv_sec - boot_date_s;

	if (inode_or_error(n, &inode, e))
		return -e->code;
	vm_inode_info(inode, &info);
	if ((valid & SET_SIZE) && (st->st_size < 0 || vm_inode_truncate(inode, (uint64_t)st->st_size, e)))
		return st->st_size < 0 ? err_set(e, EINVAL, -1, "a negative size") : -e->code;
	if ((valid & SET_MODE) && vm_inode_chmod(inode, st->st_mode & 07777, e))
		return -e->code;
	if ((valid & (SET_UID | SET_GID)) &&
	    vm_inode_chown(inode, valid & SET_UID ? st->st_uid : info.uid, valid & SET_GID ? st->st_gid : info.gid, e))
		return -e->code;
	if (valid & SET_MTIME_NOW)
		return vm_inode_utime(inode, n->world->clock.now);
	if (valid & SET_MTIME)
		return vm_inode_utime(inode, (ns_t)seconds * NS_PER_S + (ns_t)st->st_mtim.tv_nsec);
	return 0;
}

bool disk_statfs(const struct node *n, struct statvfs *out)
{
	struct vm_host *vm = world_vm(n, NULL);
	struct vm_disk_usage usage;

	if (!vm || (n->row->dynamic != &disk_dir && n->row != &file_row && n->row != &link_row))
		return false;
	vm_disk_usage(vm, &usage);
	*out = (struct statvfs){
		.f_bsize = BLOCK_BYTES, .f_frsize = BLOCK_BYTES, .f_blocks = usage.total / BLOCK_BYTES,
		.f_bfree = (usage.total - MIN(usage.used, usage.total)) / BLOCK_BYTES, .f_files = UINT32_MAX,
		.f_ffree = UINT32_MAX, .f_favail = UINT32_MAX, .f_namemax = NAME_MAX,
	};
	out->f_bavail = out->f_bfree;
	return true;
}

char *disk_name(const struct node *n)
{
	struct host *h = world_host(n, NULL);

	if (!h || !n->arg || !(n->row->dynamic == &disk_dir || n->row == &file_row || n->row == &link_row))
		return NULL;
	return g_strdup_printf("hosts/%s/files//%" G_GUINT64_FORMAT, h->name, n->arg);
}

int disk_path(struct world *w, const char *name, struct node *n)
{
	const char *number = strstr(name, "//");
	g_autofree char *root = number ? g_strndup(name, (gsize)(number - name)) : NULL;
	struct vm_inode *inode;
	struct node dir;

	if (!number || tree_path(w, root, &dir) || dir.row->dynamic != &disk_dir)
		return -EINVAL;
	inode = vm_inode_by_number(world_vm(&dir, NULL), g_ascii_strtoull(number + 2, NULL, 10));
	return inode ? node_of(&dir, inode, n) : -ENOENT;
}

static const struct row directory_row = {
	.name = "DIRECTORY", .kind = ROW_DIRECTORY, .mode = 0755, .dynamic = &disk_dir, .attr = disk_attr,
	.setattr = disk_setattr, .help = "files",
};
static const struct row file_row = {
	.name = "FILE", .kind = ROW_BYTES, .mode = 0644, .bytes = &file_bytes, .attr = disk_attr, .setattr = disk_setattr,
	.help = "files",
};
static const struct row link_row = {
	.name = "LINK", .kind = ROW_LINK, .mode = 0777, .show = show_target, .attr = disk_attr, .setattr = disk_setattr,
	.help = "files",
};
