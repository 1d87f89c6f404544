/* check_file.c - files counted again: names, directories, blocks of the disk, the page cache. */
#include "check.h"
#include "inode.h"
#include "swap.h"

#include <inttypes.h>

struct totals { uint64_t cached, dirty, taken; };

static void compare(struct check *c, const struct vm_inode *i, const char *what, uint64_t counted, uint64_t found)
{
	if (counted != found)
		check_wrong(c, "file %" PRIu64 ": %" PRIu64 " %s counted, %" PRIu64 " found", i->number, counted, what, found);
}

static void check_names(struct check *c, const struct vm_inode *i)
{
	uint64_t n = 0;

	for (const struct dir_entry *d = i->names; d; d = d->next_name, n++)
		if (d->inode != i || !d->name || g_hash_table_lookup(d->dir->entries, d->name) != d)
			check_wrong(c, "file %" PRIu64 " has a name that its directory does not know", i->number);
	check_seen(c->inodes, i)->refs += n + (i == c->h->root);
	if (i->kind == VM_INODE_DIR && n > 1)
		check_wrong(c, "directory %" PRIu64 " has %" PRIu64 " names", i->number, n);
	else if (i->kind != VM_INODE_DIR)
		compare(c, i, "links", i->links, n);
}

static void check_directory(struct check *c, const struct vm_inode *i)
{
	uint64_t live = 0, gone = 0, below = 0, before = 0;

	for (guint k = 0; k < i->order->len; k++) {
		const struct dir_entry *d = g_ptr_array_index(i->order, k);

		if (d->cookie <= before)
			check_wrong(c, "directory %" PRIu64 " is out of order", i->number);
		before = d->cookie;
		live += d->name != NULL;
		gone += d->name == NULL;
		below += d->name && d->inode->kind == VM_INODE_DIR;
	}
	compare(c, i, "entries", g_hash_table_size(i->entries), live);
	compare(c, i, "entries gone", i->gone, gone);
	if (i == c->h->root || i->names)
		compare(c, i, "links", i->links, 2 + below);
}

static void check_blocks(struct check *c, const struct vm_inode *i, struct totals *t)
{
	uint64_t taken = 0, filled = 0, before = 0;

	for (struct tree_node *n = tree_first(&i->blocks); n; n = tree_next(n)) {
		const struct disk_run *r = tree_entry(n, struct disk_run, node);

		if (r->first % DISK_RUN != 0 || r->first < before)
			check_wrong(c, "file %" PRIu64 ": its blocks are out of order at %" PRIu64, i->number, r->first);
		before = r->first + DISK_RUN;
		taken += (unsigned)__builtin_popcountll(r->taken);
		for (unsigned k = 0; k < DISK_RUN; k++) {
			filled += r->block[k].bytes != NULL;
			if (r->block[k].bytes && !(r->taken >> k & 1))
				check_wrong(c, "file %" PRIu64 ": block %" PRIu64 " is not counted", i->number, r->first + k);
		}
	}
	compare(c, i, "blocks", i->taken, taken);
	compare(c, i, "written blocks", i->filled, filled);
	t->taken += taken;
}

static void check_page(struct check *c, const struct vm_inode *i, uint64_t index, uint32_t plus_one, uint64_t *dirty)
{
	pfn_t pfn = plus_one - 1;
	const struct frame *f = pfn < c->n ? frame_of(c->h, pfn) : NULL;

	if (!f || f->use != VM_FRAME_FILE || f->inode != i || f->index != index ||
	    i->tmpfs != ((f->flags & FRAME_SHMEM) != 0)) {
		check_wrong(c, "file %" PRIu64 ": page %" PRIu64 " is said to be in frame 0x%" PRIx64 ", which is not so",
			    i->number, index, pfn);
		return;
	}
	c->cached[pfn] = 1;
	*dirty += !i->tmpfs && (f->flags & FRAME_DIRTY);
	if (index >= inode_pages(i))
		check_wrong(c, "file %" PRIu64 ": page %" PRIu64 " is cached, beyond its end", i->number, index);
}

static void check_cache(struct check *c, const struct vm_inode *i, struct totals *t)
{
	uint64_t cached = 0, dirty = 0, swapped = 0, before = 0;

	for (struct tree_node *n = tree_first(&i->runs); n; n = tree_next(n)) {
		const struct cache_run *r = tree_entry(n, struct cache_run, node);
		uint64_t used = 0;

		if (r->first % CACHE_RUN != 0 || r->first < before)
			check_wrong(c, "file %" PRIu64 ": its pages are out of order at %" PRIu64, i->number, r->first);
		before = r->first + CACHE_RUN;
		for (unsigned k = 0; k < CACHE_RUN; k++) {
			used += (r->frame[k] != 0) + (r->slot[k] != 0);
			cached += r->frame[k] != 0;
			swapped += r->slot[k] != 0;
			if (r->frame[k])
				check_page(c, i, r->first + k, r->frame[k], &dirty);
			if (r->slot[k] && !check_slot(c, r->slot[k] - 1))
				check_wrong(c, "file %" PRIu64 ": page %" PRIu64 " is in a swap slot that does not exist",
					    i->number, r->first + k);
		}
		compare(c, i, "pages of a run", r->used, used);
	}
	compare(c, i, "cached pages", i->cached, cached);
	compare(c, i, "dirty pages", i->dirty, dirty);
	compare(c, i, "swapped pages", i->swapped, swapped);
	t->cached += cached;
	t->dirty += dirty;
}

static void check_inode(struct check *c, const struct vm_inode *i, struct totals *t)
{
	check_names(c, i);
	if (i->kind == VM_INODE_DIR)
		check_directory(c, i);
	check_blocks(c, i, t);
	check_cache(c, i, t);
}

/* References may also be held by who uses the engine, so only too few are wrong. */
static void check_references(struct check *c, const struct vm_inode *i)
{
	const struct seen *s = check_seen(c->inodes, i);

	if (i->refs < s->refs)
		check_wrong(c, "file %" PRIu64 ": %u references counted, %" PRIu64 " found", i->number, i->refs, s->refs);
	if (i->refs == 0 && !i->unlisted)
		check_wrong(c, "file %" PRIu64 " has no references, but is there", i->number);
	compare(c, i, "mappings", i->mappings.count, s->active);
}

static void check_list(struct check *c, uint64_t cached)
{
	const struct vm_host *h = c->h;
	uint64_t n = 0;
	uint32_t before = 0;

	for (uint32_t at = h->cache_oldest; at && n <= cached; before = at, at = frame_of(h, at - 1)->next, n++) {
		const struct frame *f = at <= c->n ? frame_of(h, at - 1) : NULL;

		if (!f || f->use != VM_FRAME_FILE || f->prev != before) {
			check_wrong(c, "the list of cached frames is broken at frame 0x%x", at - 1);
			return;
		}
	}
	if (n != cached || before != h->cache_newest)
		check_wrong(c, "the list of cached frames has %" PRIu64 " frames, not %" PRIu64, n, cached);
}

void check_files(struct check *c)
{
	const struct vm_host *h = c->h;
	struct totals t = { 0 };
	GHashTableIter it;
	gpointer i;

	g_hash_table_iter_init(&it, h->inodes);
	while (g_hash_table_iter_next(&it, NULL, &i))
		check_inode(c, i, &t);
	g_hash_table_iter_init(&it, h->inodes);
	while (g_hash_table_iter_next(&it, NULL, &i))
		check_references(c, i);
	if (h->cached != t.cached || h->dirty != t.dirty || h->disk_used != t.taken * DISK_BLOCK)
		check_wrong(c, "the host: %" PRIu64 " cached, %" PRIu64 " dirty pages, %" PRIu64 " bytes of disk counted; %" PRIu64
			    ", %" PRIu64 ", %" PRIu64 " found", h->cached, h->dirty, h->disk_used, t.cached, t.dirty,
			    t.taken * DISK_BLOCK);
	check_list(c, t.cached);
}
