/*
 * disk.c - inodes: their numbers and lives, and the bytes that the disk keeps of them.
 *
 * An inode lives as long as someone refers to it: names in directories, open file descriptions, areas, executables,
 * callers. The disk keeps blocks of DISK_BLOCK bytes; a block without bytes reads as zeros. Beyond the end of a
 * file the disk holds nothing but zeros.
 */
#include "dir.h"
#include "proc.h"

#include <string.h>

static bool disk_run_before(const struct tree_node *a, const struct tree_node *b)
{
	return tree_entry(a, struct disk_run, node)->first < tree_entry(b, struct disk_run, node)->first;
}

static bool cache_run_before(const struct tree_node *a, const struct tree_node *b)
{
	return tree_entry(a, struct cache_run, node)->first < tree_entry(b, struct cache_run, node)->first;
}

/* The first run at or above the block (which need not contain it), or NULL. */
static struct disk_run *run_above(const struct vm_inode *i, uint64_t block)
{
	struct tree_node *n = i->blocks.root, *found = NULL;

	while (n) {
		if (tree_entry(n, struct disk_run, node)->first + DISK_RUN > block) {
			found = n;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return found ? tree_entry(found, struct disk_run, node) : NULL;
}

static struct disk_run *run_at(const struct vm_inode *i, uint64_t block)
{
	struct disk_run *r = run_above(i, block);

	return r && r->first <= block ? r : NULL;
}

static struct disk_run *run_make(struct vm_inode *i, uint64_t block)
{
	struct disk_run *r = run_at(i, block);

	if (!r) {
		r = g_new0(struct disk_run, 1);
		r->first = block - block % DISK_RUN;
		tree_insert(&i->blocks, &r->node);
	}
	return r;
}

void disk_read(const struct vm_inode *i, uint64_t at, void *to, size_t len)
{
	uint8_t *out = to;

	while (len > 0) {
		uint64_t block = at / DISK_BLOCK, skip = at % DISK_BLOCK;
		size_t n = MIN(len, DISK_BLOCK - skip);
		const struct disk_run *r = run_at(i, block);
		const uint8_t *bytes = r ? r->block[block % DISK_RUN].bytes : NULL;

		if (bytes)
			memcpy(out, bytes + skip, n);
		else
			memset(out, 0, n);
		out += n;
		at += n;
		len -= n;
	}
}

void disk_read_page(const struct vm_inode *i, uint64_t index, pfn_t to, size_t len)
{
	struct vm_host *h = i->host;
	bool whole = len == DISK_BLOCK && page_size(h) == DISK_BLOCK;
	const struct disk_run *r = whole ? run_at(i, index) : NULL;
	const struct disk_block *b = r ? &r->block[index % DISK_RUN] : NULL;

	if (b && b->bytes) {
		lines_copy(h->ram + (to << DISK_BITS), &h->lines[to], b->bytes, b->lines, DISK_BITS);
		return;
	}
	frame_zero(h, to);
	if (!whole && len > 0)
		disk_read(i, index << h->geometry.page_bits, frame_store(h, to, 0, len), len);
}

static void take_block(struct vm_inode *i, struct disk_run *r, uint64_t block)
{
	uint64_t bit = (uint64_t)1 << (block % DISK_RUN);

	if (r->taken & bit)
		return;
	r->taken |= bit;
	i->taken++;
	i->host->disk_used += DISK_BLOCK;
}

static struct disk_block *block_to_write(struct vm_inode *i, uint64_t block)
{
	struct disk_run *r = run_make(i, block);
	struct disk_block *b = &r->block[block % DISK_RUN];

	take_block(i, r, block);
	if (!b->bytes) {
		b->bytes = g_malloc0(DISK_BLOCK);
		i->filled++;
	}
	return b;
}

void disk_write_page(struct vm_inode *i, uint64_t index, pfn_t from, size_t len)
{
	struct vm_host *h = i->host;
	struct disk_block *b;

	if (len != DISK_BLOCK || page_size(h) != DISK_BLOCK) {
		disk_write(i, index << h->geometry.page_bits, frame_bytes(h, from), len);
		return;
	}
	b = block_to_write(i, index);
	lines_copy(b->bytes, &b->lines, frame_bytes(h, from), h->lines[from], DISK_BITS);
}

void disk_write(struct vm_inode *i, uint64_t at, const void *from, size_t len)
{
	const uint8_t *in = from;

	while (len > 0) {
		uint64_t block = at / DISK_BLOCK, skip = at % DISK_BLOCK;
		size_t n = MIN(len, DISK_BLOCK - skip);
		struct disk_block *b = block_to_write(i, block);

		b->lines |= lines_of(DISK_BITS, skip, n);
		memcpy(b->bytes + skip, in, n);
		in += n;
		at += n;
		len -= n;
	}
}

bool disk_has(const struct vm_inode *i, uint64_t at)
{
	const struct disk_run *r = run_at(i, at / DISK_BLOCK);

	return r && (r->taken >> (at / DISK_BLOCK % DISK_RUN) & 1);
}

static uint64_t blocks_missing(const struct vm_inode *i, uint64_t first, uint64_t last)
{
	uint64_t missing = 0;

	for (uint64_t b = first; b <= last; b++) {
		const struct disk_run *r = run_at(i, b);

		missing += !r || !(r->taken >> (b % DISK_RUN) & 1);
	}
	return missing;
}

bool disk_take(struct vm_inode *i, uint64_t at, uint64_t len)
{
	uint64_t first = at / DISK_BLOCK, last = (at + len - 1) / DISK_BLOCK;

	if (len == 0 || i->tmpfs)
		return true;
	if (i->host->disk_used + blocks_missing(i, first, last) * DISK_BLOCK > DISK_BYTES)
		return false;
	for (uint64_t b = first; b <= last; b++)
		take_block(i, run_make(i, b), b);
	return true;
}

static void drop_block(struct vm_inode *i, struct disk_run *r, unsigned k)
{
	uint64_t bit = (uint64_t)1 << k;

	i->filled -= r->block[k].bytes != NULL;
	g_free(r->block[k].bytes);
	r->block[k] = (struct disk_block){ 0 };
	if (r->taken & bit) {
		r->taken &= ~bit;
		i->taken--;
		i->host->disk_used -= DISK_BLOCK;
	}
}

static void zero_in_block(struct vm_inode *i, uint64_t at, uint64_t end)
{
	struct disk_run *r = run_at(i, at / DISK_BLOCK);
	uint8_t *bytes = r ? r->block[at / DISK_BLOCK % DISK_RUN].bytes : NULL;

	if (bytes)
		memset(bytes + at % DISK_BLOCK, 0, end - at);
}

/* Blocks [first, last) go, and runs that are empty then. */
static void drop_blocks(struct vm_inode *i, uint64_t first, uint64_t last)
{
	struct disk_run *r = run_above(i, first), *next;

	for (; r && r->first < last; r = next) {
		struct tree_node *n = tree_next(&r->node);

		next = n ? tree_entry(n, struct disk_run, node) : NULL;
		for (unsigned k = 0; k < DISK_RUN; k++)
			if (r->first + k >= first && r->first + k < last)
				drop_block(i, r, k);
		if (r->taken == 0) {
			tree_remove(&i->blocks, &r->node);
			g_free(r);
		}
	}
}

void disk_drop(struct vm_inode *i, uint64_t at, uint64_t end)
{
	uint64_t first = at / DISK_BLOCK + (at % DISK_BLOCK != 0), last = end / DISK_BLOCK;

	if (at >= end)
		return;
	if (first > last) {                              /* within one block */
		zero_in_block(i, at, end);
		return;
	}
	if (at % DISK_BLOCK != 0)
		zero_in_block(i, at, first * DISK_BLOCK);
	if (end % DISK_BLOCK != 0)
		zero_in_block(i, last * DISK_BLOCK, end);
	drop_blocks(i, first, last);
}

/* An inode without a name. One reference is the caller's. */
struct vm_inode *inode_new(struct vm_host *h, enum vm_inode_kind kind, uint32_t mode, bool tmpfs)
{
	struct vm_inode *i = g_new0(struct vm_inode, 1);

	i->host = h;
	i->refs = 1;
	i->number = h->next_inode++;
	i->kind = kind;
	i->tmpfs = tmpfs;
	i->mode = mode & 07777;
	i->links = kind == VM_INODE_DIR ? 2 : 0;
	i->mtime = i->ctime = h->clock->now;
	tree_init(&i->runs, cache_run_before, NULL);
	tree_init(&i->blocks, disk_run_before, NULL);
	mappings_init(&i->mappings);
	g_hash_table_insert(h->inodes, &i->number, i);
	return i;
}

static void inode_free(struct vm_inode *i)
{
	struct vm_host *h = i->host;

	inode_free_pages(i);
	drop_blocks(i, 0, UINT64_MAX);
	if (i->kind == VM_INODE_DIR)
		dir_clear(i);
	if (i->unlisted)
		g_hash_table_remove(h->unlisted, i->label);
	g_hash_table_remove(h->inodes, &i->number);
	g_free(i->near_runs);
	g_free(i->label);
	g_free(i->target);
	g_free(i);
}

struct vm_inode *vm_inode_retain(struct vm_inode *i)
{
	i->refs++;
	return i;
}

void vm_inode_release(struct vm_inode *i)
{
	assert(i->refs > 0);
	if (--i->refs == 0)
		inode_free(i);
}

void inode_changed(struct vm_inode *i)
{
	i->ctime = i->host->clock->now;
	i->host->generation++;
}

void vm_inode_info(const struct vm_inode *i, struct vm_inode_info *out)
{
	uint64_t bytes = i->tmpfs ? (i->cached + i->swapped) << i->host->geometry.page_bits : i->taken * DISK_BLOCK;

	*out = (struct vm_inode_info){
		.number = i->number, .kind = i->kind, .mode = i->mode, .uid = i->uid, .gid = i->gid,
		.links = i->links, .mtime = i->mtime, .ctime = i->ctime, .blocks = (bytes + 511) / 512,
		.size = i->kind == VM_INODE_LINK ? strlen(i->target) : i->size,
		.cached = i->cached, .dirty = i->dirty, .tmpfs = i->tmpfs, .unlisted = i->unlisted,
		.unlinked = !i->names && i->label && !i->unlisted,
	};
}

struct vm_inode *vm_inode_by_number(const struct vm_host *h, uint64_t number)
{
	return g_hash_table_lookup(h->inodes, &number);
}

struct vm_inode *vm_disk_root(const struct vm_host *h)
{
	return h->root;
}

struct vm_inode *vm_disk_unlisted(struct vm_host *h, const char *path, uint64_t size)
{
	struct vm_inode *i = g_hash_table_lookup(h->unlisted, path);

	if (!i) {
		i = inode_new(h, VM_INODE_FILE, 0755, false);
		i->refs = 0;                             /* it lives until its last user lets it go */
		i->unlisted = true;
		i->label = g_strdup(path);
		g_hash_table_insert(h->unlisted, i->label, i);
	}
	i->size = MAX(i->size, size);
	return i;
}

struct vm_inode *inode_new_shm(struct vm_host *h, uint64_t size)
{
	struct vm_inode *i = inode_new(h, VM_INODE_SHM, 0777, true);

	i->label = g_strdup("/dev/zero");                /* as Linux calls it in maps */
	i->size = size;
	return i;
}

const char *vm_inode_target(const struct vm_inode *link)
{
	return link->target;
}

int vm_inode_chmod(struct vm_inode *i, uint32_t mode, struct err *e)
{
	i->mode = mode & 07777;
	inode_changed(i);
	return 0;
}

int vm_inode_chown(struct vm_inode *i, uint32_t uid, uint32_t gid, struct err *e)
{
	if (uid != UINT32_MAX)
		i->uid = uid;
	if (gid != UINT32_MAX)
		i->gid = gid;
	inode_changed(i);
	return 0;
}

int vm_inode_utime(struct vm_inode *i, ns_t mtime)
{
	i->mtime = mtime;
	inode_changed(i);
	return 0;
}

void vm_disk_usage(const struct vm_host *h, struct vm_disk_usage *out)
{
	*out = (struct vm_disk_usage){ .total = DISK_BYTES, .used = h->disk_used };
}

int disk_init(struct vm_host *h)
{
	struct vm_inode *dev, *shm;

	h->inodes = g_hash_table_new(g_int64_hash, g_int64_equal);
	h->unlisted = g_hash_table_new(g_str_hash, g_str_equal);
	h->next_inode = 2;                               /* ext4's root */
	h->root = inode_new(h, VM_INODE_DIR, 0755, false);
	dir_init(h->root);
	h->next_inode = 11;
	vm_dir_create(h->root, "dev", VM_INODE_DIR, 0755, NULL, &dev, NULL);
	vm_dir_create(dev, "shm", VM_INODE_DIR, 01777, NULL, &shm, NULL);
	shm->tmpfs = true;
	return 0;
}

void disk_clear(struct vm_host *h)
{
	GHashTableIter it;
	gpointer i;

	if (!h->inodes)
		return;
	/* Whoever used them has ended; names and their inodes end together, whatever their order. */
	g_hash_table_iter_init(&it, h->inodes);
	while (g_hash_table_iter_next(&it, NULL, &i)) {
		inode_free(i);
		g_hash_table_iter_init(&it, h->inodes);
	}
	g_hash_table_destroy(h->inodes);
	g_hash_table_destroy(h->unlisted);
	h->root = NULL;
	h->inodes = h->unlisted = NULL;
}
