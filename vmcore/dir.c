/*
 * dir.c - directories: names of inodes, their order, and paths.
 *
 * Entries are listed by cookies, which grow and are never given twice; an entry that goes leaves a mark in
 * `order` until there are many, so a reader's cookie stays right whatever is removed meanwhile.
 */
#include "dir.h"

#include <string.h>

enum { NAME_MOST = 255, PATH_MOST = 4095, TARGET_MOST = 4095, LINKS_MOST = 40 };

void dir_init(struct vm_inode *dir)
{
	dir->entries = g_hash_table_new(g_str_hash, g_str_equal);
	dir->order = g_ptr_array_new();
	dir->next_cookie = 1;
}

static struct dir_entry *entry_at(const struct vm_inode *dir, const char *name)
{
	return g_hash_table_lookup(dir->entries, name);
}

static bool has_parent(const struct vm_inode *i)
{
	return i->names != NULL;
}

static struct vm_inode *parent_of(const struct vm_inode *i)
{
	return i->names ? i->names->dir : i->host->root;
}

char *vm_inode_path(const struct vm_inode *i)
{
	GString *s = g_string_new(NULL);

	for (; i->names; i = i->names->dir) {
		g_string_prepend(s, i->names->name);
		g_string_prepend_c(s, '/');
	}
	if (i->label)
		g_string_prepend(s, i->label);
	if (s->len == 0)
		g_string_append_c(s, '/');
	return g_string_free(s, FALSE);
}

/* A new name; the inode's own count of links is the caller's. */
static void entry_add(struct vm_inode *dir, const char *name, struct vm_inode *i)
{
	struct dir_entry *d = g_new0(struct dir_entry, 1), **at = &i->names;

	d->name = g_strdup(name);
	d->dir = dir;
	d->inode = vm_inode_retain(i);
	d->cookie = dir->next_cookie++;
	while (*at)                                      /* the oldest name stays the one that is shown */
		at = &(*at)->next_name;
	*at = d;
	g_clear_pointer(&i->label, g_free);
	g_hash_table_insert(dir->entries, d->name, d);
	g_ptr_array_add(dir->order, d);
	dir->size = g_hash_table_size(dir->entries);
	dir->mtime = dir->host->clock->now;
	inode_changed(dir);
}

static void forget_gone(struct vm_inode *dir)
{
	guint kept = 0;

	for (guint k = 0; k < dir->order->len; k++) {
		struct dir_entry *d = g_ptr_array_index(dir->order, k);

		if (d->name)
			dir->order->pdata[kept++] = d;
		else
			g_free(d);
	}
	g_ptr_array_set_size(dir->order, kept);
	dir->gone = 0;
}

static void entry_remove(struct dir_entry *d)
{
	struct vm_inode *dir = d->dir, *i = d->inode;
	struct dir_entry **at = &i->names;
	char *path = !i->names->next_name ? vm_inode_path(i) : NULL;

	while (*at != d)
		at = &(*at)->next_name;
	*at = d->next_name;
	if (!i->names)
		i->label = path;                         /* the last path: maps shows it with (deleted) */
	g_hash_table_remove(dir->entries, d->name);
	g_clear_pointer(&d->name, g_free);
	d->inode = NULL;
	if (++dir->gone > 32 && dir->gone > dir->order->len / 2)
		forget_gone(dir);
	dir->size = g_hash_table_size(dir->entries);
	dir->mtime = dir->host->clock->now;
	inode_changed(dir);
	vm_inode_release(i);
}

void dir_clear(struct vm_inode *dir)
{
	for (guint k = 0; k < dir->order->len; k++) {
		struct dir_entry *d = g_ptr_array_index(dir->order, k);

		g_free(d->name);
		g_free(d);
	}
	g_ptr_array_free(dir->order, TRUE);
	g_hash_table_destroy(dir->entries);
}

struct vm_inode *vm_dir_at(const struct vm_inode *dir, const char *name)
{
	struct dir_entry *d = dir->kind == VM_INODE_DIR ? entry_at(dir, name) : NULL;

	return d ? d->inode : NULL;
}

/* The place in `order` of the first entry whose cookie is above `cookie`. */
static guint order_above(const struct vm_inode *dir, uint64_t cookie)
{
	guint low = 0, high = dir->order->len;

	while (low < high) {
		guint middle = low + (high - low) / 2;
		const struct dir_entry *d = g_ptr_array_index(dir->order, middle);

		if (d->cookie > cookie)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

bool vm_dir_next(const struct vm_inode *dir, uint64_t *cookie, const char **name, struct vm_inode **inode)
{
	if (dir->kind != VM_INODE_DIR)
		return false;
	for (guint k = order_above(dir, *cookie); k < dir->order->len; k++) {
		const struct dir_entry *d = g_ptr_array_index(dir->order, k);

		if (!d->name)
			continue;
		*cookie = d->cookie;
		*name = d->name;
		*inode = d->inode;
		return true;
	}
	return false;
}

/* A name that may be made in `dir`: 0, or why not. */
static int name_check(const struct vm_inode *dir, const char *name, struct err *e)
{
	if (dir->kind != VM_INODE_DIR)
		return err_set(e, ENOTDIR, -1, "not a directory");
	if (dir != dir->host->root && !has_parent(dir))
		return err_set(e, ENOENT, -1, "the directory was removed");
	if (*name == '\0')
		return err_set(e, ENOENT, -1, "a name must not be empty");
	if (strlen(name) > NAME_MOST)
		return err_set(e, ENAMETOOLONG, -1, "a name of %zu bytes: at most %d", strlen(name), NAME_MOST);
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(e, EEXIST, -1, "'%s' is in every directory", name);
	if (strchr(name, '/'))
		return err_set(e, EINVAL, -1, "a name must not hold a slash");
	return 0;
}

static int target_check(const char *target, struct err *e)
{
	if (!target || *target == '\0')
		return err_set(e, ENOENT, -1, "a symbolic link needs a target");
	if (strlen(target) > TARGET_MOST)
		return err_set(e, ENAMETOOLONG, -1, "a target of %zu bytes: at most %d", strlen(target), TARGET_MOST);
	return 0;
}

int vm_dir_create(struct vm_inode *dir, const char *name, enum vm_inode_kind kind, uint32_t mode,
		  const char *link_target, struct vm_inode **out, struct err *e)
{
	struct vm_inode *i;
	int r = name_check(dir, name, e);

	if (r < 0)
		return r;
	if (entry_at(dir, name))
		return err_set(e, EEXIST, -1, "'%s' exists", name);
	if (kind == VM_INODE_SHM)
		return err_set(e, EINVAL, -1, "shared anonymous memory has no name");
	if (kind == VM_INODE_LINK && (r = target_check(link_target, e)) < 0)
		return r;

	i = inode_new(dir->host, kind, kind == VM_INODE_LINK ? 0777 : mode, dir->tmpfs);
	if (kind == VM_INODE_DIR) {
		dir_init(i);
		dir->links++;
	} else {
		i->links = 1;
	}
	if (kind == VM_INODE_LINK)
		i->target = g_strdup(link_target);
	entry_add(dir, name, i);
	vm_inode_release(i);                             /* the name holds it now */
	if (out)
		*out = i;
	return 0;
}

int vm_dir_link(struct vm_inode *dir, const char *name, struct vm_inode *inode, struct err *e)
{
	int r = name_check(dir, name, e);

	if (r < 0)
		return r;
	if (inode->kind == VM_INODE_DIR)
		return err_set(e, EPERM, -1, "a directory has only one name");
	if (entry_at(dir, name))
		return err_set(e, EEXIST, -1, "'%s' exists", name);
	if (inode->tmpfs != dir->tmpfs || inode->unlisted || inode->kind == VM_INODE_SHM)
		return err_set(e, EXDEV, -1, "a link to another file system");
	if (!has_parent(inode))
		return err_set(e, ENOENT, -1, "the file was removed");
	inode->links++;
	entry_add(dir, name, inode);
	inode_changed(inode);
	return 0;
}

/* dev/shm is another file system's root: it can neither go nor move. */
static bool is_mount_point(const struct vm_inode *dir, const struct vm_inode *i)
{
	return i->kind == VM_INODE_DIR && i->tmpfs != dir->tmpfs;
}

static int removal_check(const struct vm_inode *dir, const struct vm_inode *i, const char *name, bool want_dir,
			 struct err *e)
{
	if (want_dir && i->kind != VM_INODE_DIR)
		return err_set(e, ENOTDIR, -1, "'%s' is not a directory", name);
	if (!want_dir && i->kind == VM_INODE_DIR)
		return err_set(e, EISDIR, -1, "'%s' is a directory", name);
	if (is_mount_point(dir, i))
		return err_set(e, EBUSY, -1, "'%s' is the root of a file system", name);
	if (want_dir && g_hash_table_size(i->entries) > 0)
		return err_set(e, ENOTEMPTY, -1, "'%s' is not empty", name);
	return 0;
}

/* The name goes; checked. */
static void remove_name(struct vm_inode *dir, struct dir_entry *d)
{
	struct vm_inode *i = vm_inode_retain(d->inode);

	if (i->kind == VM_INODE_DIR) {
		dir->links--;
		i->links = 0;
	} else {
		i->links--;
	}
	entry_remove(d);
	inode_changed(i);
	vm_inode_release(i);
}

int vm_dir_unlink(struct vm_inode *dir, const char *name, bool want_dir, struct err *e)
{
	struct dir_entry *d;
	int r;

	if (dir->kind != VM_INODE_DIR)
		return err_set(e, ENOTDIR, -1, "not a directory");
	d = entry_at(dir, name);
	if (!d)
		return err_set(e, ENOENT, -1, "'%s' does not exist", name);
	r = removal_check(dir, d->inode, name, want_dir, e);
	if (r < 0)
		return r;
	remove_name(dir, d);
	return 0;
}

static bool is_below(const struct vm_inode *i, const struct vm_inode *top)
{
	for (; i != top; i = parent_of(i))
		if (!has_parent(i))
			return false;
	return true;
}

static int rename_check(struct vm_inode *from, const struct dir_entry *d, struct vm_inode *to, const char *new_name,
			bool noreplace, struct err *e)
{
	struct dir_entry *old = entry_at(to, new_name);
	int r;

	if (d->inode->kind == VM_INODE_DIR && is_below(to, d->inode))
		return err_set(e, EINVAL, -1, "a directory cannot move below itself");
	if (is_mount_point(from, d->inode))
		return err_set(e, EBUSY, -1, "'%s' is the root of a file system", d->name);
	if (from->tmpfs != to->tmpfs)
		return err_set(e, EXDEV, -1, "a move to another file system");
	if (!old)
		return 0;
	if (noreplace)
		return err_set(e, EEXIST, -1, "'%s' exists", new_name);
	r = old->inode == d->inode ? 0
				   : removal_check(to, old->inode, new_name, d->inode->kind == VM_INODE_DIR, e);
	return r;
}

int vm_dir_rename(struct vm_inode *from, const char *name, struct vm_inode *to, const char *new_name,
		  bool noreplace, struct err *e)
{
	struct dir_entry *d, *old;
	struct vm_inode *i;
	int r;

	if (from->kind != VM_INODE_DIR || to->kind != VM_INODE_DIR)
		return err_set(e, ENOTDIR, -1, "not a directory");
	d = entry_at(from, name);
	if (!d)
		return err_set(e, ENOENT, -1, "'%s' does not exist", name);
	r = name_check(to, new_name, e);
	if (r == 0)
		r = rename_check(from, d, to, new_name, noreplace, e);
	if (r < 0)
		return r;

	old = entry_at(to, new_name);
	if (old && old->inode == d->inode)
		return 0;                                /* two names of one file: rename(2) does nothing */
	if (old) {
		inode_allocate(d->inode);                /* ext4's auto_da_alloc: what replaces a file is on the disk first */
		remove_name(to, old);
	}
	i = vm_inode_retain(d->inode);
	if (i->kind == VM_INODE_DIR) {
		from->links--;
		to->links++;
	}
	entry_remove(d);
	entry_add(to, new_name, i);
	inode_changed(i);
	vm_inode_release(i);
	return 0;
}

static struct vm_inode *look_up(struct vm_inode *dir, const char *path, unsigned *links, struct err *e);

static struct vm_inode *follow(struct vm_inode *dir, struct vm_inode *link, unsigned *links, struct err *e)
{
	if (++*links > LINKS_MOST) {
		err_set(e, ELOOP, -1, "more than %d symbolic links", LINKS_MOST);
		return NULL;
	}
	return look_up(*link->target == '/' ? link->host->root : dir, link->target, links, e);
}

static struct vm_inode *step(struct vm_inode *dir, const char *name, unsigned *links, struct err *e)
{
	struct vm_inode *i;

	if (dir->kind != VM_INODE_DIR) {
		err_set(e, ENOTDIR, -1, "what is before '%s' is not a directory", name);
		return NULL;
	}
	if (strlen(name) > NAME_MOST) {
		err_set(e, ENAMETOOLONG, -1, "a name of %zu bytes: at most %d", strlen(name), NAME_MOST);
		return NULL;
	}
	if (strcmp(name, ".") == 0)
		return dir;
	if (strcmp(name, "..") == 0)
		return parent_of(dir);
	i = vm_dir_at(dir, name);
	if (!i)
		err_set(e, ENOENT, -1, "'%s' does not exist", name);
	else if (i->kind == VM_INODE_LINK)
		i = follow(dir, i, links, e);
	return i;
}

static struct vm_inode *look_up(struct vm_inode *dir, const char *path, unsigned *links, struct err *e)
{
	g_auto(GStrv) names = g_strsplit(path, "/", -1);
	size_t n = g_strv_length(names);

	for (size_t k = 0; k < n && dir; k++) {
		if (*names[k] != '\0')
			dir = step(dir, names[k], links, e);
		else if (k > 0 && k == n - 1 && dir->kind != VM_INODE_DIR) {
			err_set(e, ENOTDIR, -1, "'%s' is not a directory", path);
			return NULL;                     /* "file/" */
		}
	}
	return dir;
}

struct vm_inode *vm_disk_lookup(const struct vm_host *h, const char *path, struct err *e)
{
	unsigned links = 0;

	if (*path == '\0') {
		err_set(e, ENOENT, -1, "an empty path");
		return NULL;
	}
	if (strlen(path) > PATH_MOST) {
		err_set(e, ENAMETOOLONG, -1, "a path of %zu bytes: at most %d", strlen(path), PATH_MOST);
		return NULL;
	}
	return look_up(h->root, path, &links, e);
}
