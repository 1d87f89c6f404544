/*
 * cache.c - the page cache: file pages in frames, their coming, writing back and giving up.
 *
 * A cached page's frame has one reference of the cache's own and one for each entry that maps it. FRAME_DIRTY says
 * that the frame is newer than the disk; for files on the disk, inode->dirty and host->dirty count such pages. Pages of
 * tmpfs and of shared anonymous memory have no disk: they are in a frame, in a swap slot, or zeros.
 * All cached frames are in one list in the order of their coming.
 */
#include "hugetlb.h"
#include "dir.h"
#include "page.h"
#include "paging.h"
#include "reclaim.h"

#include <string.h>

static const struct event_kind event_writeback = { "writeback", "ino:d page:d pfn:x" };

/* Runs. */

struct cache_run *inode_run_above(const struct vm_inode *i, uint64_t index)
{
	struct tree_node *n = i->runs.root, *found = NULL;

	while (n) {
		if (tree_entry(n, struct cache_run, node)->first + (CACHE_RUN - 1) >= index) {
			found = n;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return found ? tree_entry(found, struct cache_run, node) : NULL;
}

/* Where a run is found without a search, unless another one with the same place was looked for since. */
static struct cache_run **near_run(const struct vm_inode *i, uint64_t index)
{
	return &i->near_runs[index / CACHE_RUN & (i->nears - 1)];
}

static void make_room_near(struct vm_inode *i)
{
	if (i->runs.count < i->nears)
		return;
	g_free(i->near_runs);
	i->nears = MAX(i->nears * 2, CACHE_NEAR);
	i->near_runs = g_new0(struct cache_run *, i->nears);
}

struct cache_run *inode_run(const struct vm_inode *i, uint64_t index)
{
	struct cache_run **near, *r;

	if (i->nears == 0)
		return NULL;
	near = near_run(i, index);
	r = *near;
	if (r && r->first == index - index % CACHE_RUN)
		return r;
	r = inode_run_above(i, index);
	if (!r || r->first > index)
		return NULL;
	return *near = r;
}

void inode_soon(const struct vm_inode *i, uint64_t index, bool next)
{
	const struct cache_run *r;

	if (i->nears == 0)
		return;
	if (!next) {
		__builtin_prefetch(near_run(i, index));
		return;
	}
	r = *near_run(i, index);
	__builtin_prefetch(r);
	if (r)
		__builtin_prefetch(&r->frame[index % CACHE_RUN], 1);
}

static struct cache_run *inode_run_make(struct vm_inode *i, uint64_t index)
{
	struct cache_run *r = inode_run(i, index);

	if (!r) {
		make_room_near(i);
		r = g_new0(struct cache_run, 1);
		r->first = index - index % CACHE_RUN;
		tree_insert(&i->runs, &r->node);
		*near_run(i, index) = r;
	}
	return r;
}

static void run_trim(struct vm_inode *i, struct cache_run *r)
{
	if (r->used == 0) {
		tree_remove(&i->runs, &r->node);
		if (*near_run(i, r->first) == r)
			*near_run(i, r->first) = NULL;
		g_free(r);
	}
}

pfn_t inode_cached(const struct vm_inode *i, uint64_t index)
{
	const struct cache_run *r = inode_run(i, index);
	uint32_t pfn = r ? r->frame[index % CACHE_RUN] : 0;

	return pfn ? pfn - 1 : PFN_NONE;
}

pfn_t vm_inode_frame(const struct vm_inode *i, uint64_t index)
{
	return inode_cached(i, index);
}

uint32_t inode_slot(const struct vm_inode *i, uint64_t index)
{
	const struct cache_run *r = inode_run(i, index);
	uint32_t slot = r ? r->slot[index % CACHE_RUN] : 0;

	return slot ? slot - 1 : UINT32_MAX;
}

void inode_set_slot(struct vm_inode *i, uint64_t index, uint32_t slot)
{
	struct cache_run *r = inode_run_make(i, index);
	uint32_t *at = &r->slot[index % CACHE_RUN], now = slot == UINT32_MAX ? 0 : slot + 1;

	r->used += (now != 0) - (*at != 0);
	i->swapped += (now != 0) - (*at != 0);
	*at = now;
	run_trim(i, r);
}

uint64_t inode_pages(const struct vm_inode *i)
{
	unsigned bits = i->host->geometry.page_bits;

	return (i->size >> bits) + ((i->size & (page_size(i->host) - 1)) != 0);
}

/* The list of all cached frames. */

static void list_append(struct vm_host *h, pfn_t pfn)
{
	struct frame *f = frame_of(h, pfn);

	f->prev = h->cache_newest;
	f->next = 0;
	if (h->cache_newest)
		frame_of(h, h->cache_newest - 1)->next = pfn + 1;
	else
		h->cache_oldest = pfn + 1;
	h->cache_newest = pfn + 1;
}

static void list_remove(struct vm_host *h, pfn_t pfn)
{
	struct frame *f = frame_of(h, pfn);

	if (f->prev)
		frame_of(h, f->prev - 1)->next = f->next;
	else
		h->cache_oldest = f->next;
	if (f->next)
		frame_of(h, f->next - 1)->prev = f->prev;
	else
		h->cache_newest = f->prev;
	f->prev = f->next = 0;
}

/* Coming and going of pages. */

static void cache_add(struct vm_inode *i, uint64_t index, pfn_t pfn)
{
	struct vm_host *h = i->host;
	struct cache_run *r = inode_run_make(i, index);
	struct frame *f = frame_of(h, pfn);

	f->inode = i;
	f->index = index;
	if (i->tmpfs)
		f->flags |= FRAME_SHMEM;
	r->frame[index % CACHE_RUN] = pfn + 1;
	r->used++;
	i->cached++;
	h->cached++;
	list_append(h, pfn);
	reclaim_add(h, pfn, h->asker);
}

size_t inode_bytes_in_page(const struct vm_inode *i, uint64_t index)
{
	uint64_t at = index << i->host->geometry.page_bits;

	return at >= i->size ? 0 : MIN(page_size(i->host), i->size - at);
}

static void read_slot(struct vm_host *h, uint32_t slot, pfn_t pfn)
{
	struct ahead w;

	if (h->config.swap_readahead < 2) {
		paging_read(h, slot, pfn);
		return;
	}
	w = swap_ahead(h, slot);
	swap_ahead_read(h, &w, slot);
	paging_read(h, slot, pfn);
	swap_ahead_read(h, &w, SWAP_NONE);
}

/* The page is in the swap cache, having been read ahead: its frame goes over to the object. PFN_NONE: it is not. */
static pfn_t take_from_swap_cache(struct vm_inode *i, uint64_t index)
{
	struct vm_host *h = i->host;
	uint32_t slot = i->swapped > 0 ? inode_slot(i, index) : UINT32_MAX;
	pfn_t pfn = slot == UINT32_MAX ? PFN_NONE : swap_cached(h->swap, slot);

	if (pfn == PFN_NONE)
		return PFN_NONE;
	if (frame_of(h, pfn)->flags & FRAME_AHEAD)
		swap_ahead_hit(h, pfn);
	frame_retain(h, pfn);
	paging_finish(h, pfn);
	if (frame_of(h, pfn)->flags & (FRAME_LISTED | FRAME_ASIDE))
		reclaim_remove(h, pfn);
	page_uncache(h, pfn);
	frame_to_file(h, pfn);
	frame_of(h, pfn)->flags |= FRAME_DIRTY;
	inode_set_slot(i, index, UINT32_MAX);
	swap_release(h->swap, slot);
	cache_add(i, index, pfn);
	return pfn;
}

/* The page's content comes into a fresh frame, of zeros if it has none of its own. True if it came from a device. */
static bool fill_page(struct vm_inode *i, uint64_t index, pfn_t pfn)
{
	struct vm_host *h = i->host;
	uint32_t slot = inode_slot(i, index);

	if (!i->tmpfs) {
		size_t n = inode_bytes_in_page(i, index);

		disk_read_page(i, index, pfn, n);
		h->stats.disk_read += n;
		paging_disk(h);
		return true;
	}
	if (slot == UINT32_MAX)
		return false;
	read_slot(h, slot, pfn);
	frame_of(h, pfn)->flags |= FRAME_DIRTY;
	inode_set_slot(i, index, UINT32_MAX);
	swap_release(h->swap, slot);
	h->stats.swap_ins++;
	return true;
}

pfn_t inode_page(struct vm_inode *i, uint64_t index, bool *major)
{
	pfn_t pfn = inode_cached(i, index);
	bool device = false;

	if (pfn == PFN_NONE) {
		i->host->coming = reclaim_page_of_file(i, index);
		pfn = take_from_swap_cache(i, index);
	}
	if (pfn == PFN_NONE) {
		pfn = frame_alloc(i->host, VM_FRAME_FILE, i->tmpfs && inode_slot(i, index) == UINT32_MAX, true);
		if (pfn != PFN_NONE) {
			device = fill_page(i, index, pfn);
			cache_add(i, index, pfn);
		}
	}
	if (major)
		*major = device;
	return pfn;
}

void inode_page_dirty(struct vm_inode *i, uint64_t index)
{
	struct vm_host *h = i->host;
	struct frame *f = frame_of(h, inode_cached(i, index));
	uint64_t at = index << h->geometry.page_bits;

	if (f->flags & FRAME_DIRTY)
		return;
	f->flags |= FRAME_DIRTY;
	if (i->tmpfs)
		return;
	i->dirty++;
	h->dirty++;
	disk_take(i, at, inode_bytes_in_page(i, index));       /* a full disk shows when the page is written, as a hole */
}

static void mark_clean(struct vm_inode *i, struct frame *f)
{
	if (!(f->flags & FRAME_DIRTY))
		return;
	f->flags &= ~FRAME_DIRTY;
	frame_unknown(i->host, (pfn_t)(f - i->host->frames));
	if (!i->tmpfs) {
		i->dirty--;
		i->host->dirty--;
	}
}

void inode_drop_page(struct vm_inode *i, uint64_t index)
{
	struct vm_host *h = i->host;
	struct cache_run *r = inode_run(i, index);
	pfn_t pfn = r->frame[index % CACHE_RUN] - 1;
	struct frame *f = frame_of(h, pfn);

	assert(f->maps == 0);
	mark_clean(i, f);
	list_remove(h, pfn);
	r->frame[index % CACHE_RUN] = 0;
	r->used--;
	i->cached--;
	h->cached--;
	run_trim(i, r);
	frame_release(h, pfn);
}

int inode_write_page(struct vm_inode *i, uint64_t index)
{
	struct vm_host *h = i->host;
	pfn_t pfn = inode_cached(i, index);
	size_t n = inode_bytes_in_page(i, index);
	struct event *ev;

	if (i->tmpfs || pfn == PFN_NONE || !(frame_of(h, pfn)->flags & FRAME_DIRTY))
		return 0;
	if (n < page_size(h))                            /* what was stored behind the end does not last */
		memset(frame_store(h, pfn, n, page_size(h) - n), 0, page_size(h) - n);
	disk_write_page(i, index, pfn, n);
	mark_clean(i, frame_of(h, pfn));
	pages_clean(i, index, 1);
	h->stats.writebacks++;
	h->stats.disk_written += n;
	h->generation++;
	ev = journal_add(h->journal, &event_writeback, h->options.serial, 0);
	ev->value[0] = i->number;
	ev->value[1] = index;
	ev->value[2] = pfn;
	return 0;
}

void inode_each_cached(struct vm_inode *i, uint64_t first, uint64_t last,
		       void (*each)(struct vm_inode *i, uint64_t index))
{
	struct cache_run *r;

	for (uint64_t at = first; at <= last && (r = inode_run_above(i, at)) && r->first <= last;) {
		uint64_t start = r->first;
		uint32_t frames[CACHE_RUN];

		memcpy(frames, r->frame, sizeof frames); /* the run may go with its last page */
		for (unsigned k = 0; k < CACHE_RUN; k++)
			if (frames[k] && start + k >= first && start + k <= last)
				each(i, start + k);
		if (start + CACHE_RUN < start)
			break;
		at = start + CACHE_RUN;
	}
}

static void write_one(struct vm_inode *i, uint64_t index)
{
	inode_write_page(i, index);
}

int vm_inode_writeback(struct vm_inode *i, struct err *e)
{
	if (i->dirty > 0)
		inode_each_cached(i, 0, UINT64_MAX, write_one);
	return 0;
}

void inode_allocate(struct vm_inode *i)
{
	if (i->taken > i->filled)
		vm_inode_writeback(i, NULL);
}

void vm_inode_closed(struct vm_inode *i)
{
	if (i->flush_at_close)
		inode_allocate(i);
	i->flush_at_close = false;
}

int vm_writeback(struct vm_host *h, struct err *e)
{
	for (uint32_t at = h->cache_oldest; at && h->dirty > 0; at = frame_of(h, at - 1)->next) {
		struct frame *f = frame_of(h, at - 1);

		inode_write_page(f->inode, f->index);
	}
	return 0;
}

int vm_drop_caches(struct vm_host *h, struct err *e)
{
	uint32_t at = h->cache_oldest, next;

	for (; at; at = next) {
		struct frame *f = frame_of(h, at - 1);

		next = f->next;
		if (f->maps == 0 && f->refs == 1 && !(f->flags & (FRAME_DIRTY | FRAME_SHMEM)))
			inode_drop_page(f->inode, f->index);
	}
	h->generation++;
	return 0;
}
