/*
 * vm_disk.h - the host's disk: directories and files, whose pages live in simulated frames.
 *
 * A file's bytes are on the disk and, page by page, in the page cache; a dirty cached page is newer.
 * What is below dev/shm behaves as tmpfs (no disk), all else as ext4. Reading through
 * vm_inode_peek() looks and changes nothing; writing fills the page cache, as write(2) does.
 */
#ifndef VM_DISK_H
#define VM_DISK_H

#include "err.h"
#include "vm_types.h"

enum vm_inode_kind { VM_INODE_FILE, VM_INODE_DIR, VM_INODE_LINK, VM_INODE_SHM };

struct vm_inode_info {
	uint64_t number;      /* st_ino; never reused */
	enum vm_inode_kind kind;
	uint64_t size;        /* bytes */
	uint32_t mode, uid, gid, links;
	ns_t     mtime, ctime;
	uint64_t blocks;      /* of 512 bytes that it takes on the disk or in the page cache */
	uint64_t cached, dirty; /* pages */
	bool     tmpfs;
	bool     unlinked;    /* no name is left */
	bool     unlisted;    /* never had one in files/: made for a path that files/ lacks */
};
void vm_inode_info(const struct vm_inode *i, struct vm_inode_info *out);
struct vm_inode *vm_inode_retain(struct vm_inode *i);
void vm_inode_release(struct vm_inode *i);
struct vm_inode *vm_inode_by_number(const struct vm_host *h, uint64_t number); /* not retained; NULL */

struct vm_inode *vm_disk_root(const struct vm_host *h);
/* The path from the root, "/bin/true", as maps shows it; " (deleted)" is not added. Free with g_free(). */
char *vm_inode_path(const struct vm_inode *i);
/* Follows symbolic links inside the disk. ENOENT, ENOTDIR, ELOOP; then NULL. Not retained. */
struct vm_inode *vm_disk_lookup(const struct vm_host *h, const char *path, struct err *e);
/* An unlisted file of zeros for a path that the disk lacks; the same one for the same path. Not retained. */
struct vm_inode *vm_disk_unlisted(struct vm_host *h, const char *path, uint64_t size);

/* One directory's entries; names up to 255 bytes. Not retained. */
struct vm_inode *vm_dir_at(const struct vm_inode *dir, const char *name);
/* Entries by stable cookie, ascending; cookie 0 starts. False at the end. The name is valid until the directory changes. */
bool vm_dir_next(const struct vm_inode *dir, uint64_t *cookie, const char **name, struct vm_inode **inode);
int vm_dir_create(struct vm_inode *dir, const char *name, enum vm_inode_kind kind, uint32_t mode,
		  const char *link_target, struct vm_inode **out, struct err *e);
int vm_dir_unlink(struct vm_inode *dir, const char *name, bool want_dir, struct err *e);
int vm_dir_rename(struct vm_inode *from, const char *name, struct vm_inode *to, const char *new_name,
		  bool noreplace, struct err *e);
int vm_dir_link(struct vm_inode *dir, const char *name, struct vm_inode *inode, struct err *e);
const char *vm_inode_target(const struct vm_inode *link);

ssize_t vm_inode_peek(const struct vm_inode *i, uint64_t at, void *to, size_t len);
/* read(2): as peek, but fills the page cache. */
ssize_t vm_inode_read(struct vm_inode *i, uint64_t at, void *to, size_t len, struct err *e);
/* write(2): all or, out of space, as much as there was room for; negative errno when that is nothing. */
ssize_t vm_inode_write(struct vm_inode *i, uint64_t at, const void *from, size_t len, struct err *e);
int vm_inode_truncate(struct vm_inode *i, uint64_t size, struct err *e);
int vm_inode_chmod(struct vm_inode *i, uint32_t mode, struct err *e);
int vm_inode_chown(struct vm_inode *i, uint32_t uid, uint32_t gid, struct err *e);
int vm_inode_utime(struct vm_inode *i, ns_t mtime);
int vm_inode_writeback(struct vm_inode *i, struct err *e);
/*
 * Somebody who had opened it has closed it. As ext4 does (auto_da_alloc), the first close after a truncation to nothing
 * writes what has been written since, so that a program that replaces a file's content loses no more than that.
 */
void vm_inode_closed(struct vm_inode *i);
/* The frame that caches one page; PFN_NONE when none does. */
pfn_t vm_inode_frame(const struct vm_inode *i, uint64_t index);
struct vm_disk_usage { uint64_t total, used; }; /* bytes */
void vm_disk_usage(const struct vm_host *h, struct vm_disk_usage *out);

#endif
