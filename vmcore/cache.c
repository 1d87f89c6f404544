/*
 * cache.c - the page cache: file pages in frames; reading, writing, truncating, writing back, giving up.
 *
 * A cached page's frame has one reference of the cache's own and one for each entry that maps it. FRAME_DIRTY says
 * that the frame is newer than the disk; for files on the disk, inode->dirty and host->dirty count such pages. Pages of
 * tmpfs and of shared anonymous memory have no disk: they are in a frame, in a swap slot, or zeros.
 * All cached frames are in one list in the order of their coming.
 */
#include "hugetlb.h"
#include "dir.h"
#include "mm.h"
#include "paging.h"
#include "reclaim.h"

#include <string.h>

static const struct event_kind event_writeback = { "writeback", "ino:d page:d pfn:x" };

/* The areas that map a file. */

static struct area *area_of_shared(struct tree_node *n)
{
	return n ? tree_entry(n, struct area, shared) : NULL;
}

static uint64_t last_page(const struct area *a)
{
	return a->pgoff + area_pages(a, a->mm->host->geometry.page_bits) - 1;
}

static bool mapping_before(const struct tree_node *a, const struct tree_node *b)
{
	return tree_entry(a, struct area, shared)->pgoff < tree_entry(b, struct area, shared)->pgoff;
}

static void mapping_refresh(struct tree_node *n)
{
	struct area *a = area_of_shared(n), *left = area_of_shared(n->left), *right = area_of_shared(n->right);

	a->shared_last = last_page(a);
	if (left)
		a->shared_last = MAX(a->shared_last, left->shared_last);
	if (right)
		a->shared_last = MAX(a->shared_last, right->shared_last);
}

void mappings_init(struct tree *t)
{
	tree_init(t, mapping_before, mapping_refresh);
}

/* The first area in the subtree, in order of pgoff, that meets [first, last]. */
static struct area *first_in(struct tree_node *n, uint64_t first, uint64_t last)
{
	while (n) {
		struct area *a = area_of_shared(n), *left = area_of_shared(n->left);

		if (left && left->shared_last >= first) {
			n = n->left;
			continue;
		}
		if (a->pgoff > last)
			return NULL;
		if (last_page(a) >= first)
			return a;
		n = n->right && area_of_shared(n->right)->shared_last >= first ? n->right : NULL;
	}
	return NULL;
}

struct area *inode_mapping_next(const struct vm_inode *i, uint64_t first, uint64_t last, struct area *cursor)
{
	struct tree_node *n;

	if (!cursor)
		return first_in(i->mappings.root, first, last);
	for (n = &cursor->shared;;) {
		struct area *a = n->right && area_of_shared(n->right)->shared_last >= first
				 ? first_in(n->right, first, last) : NULL;

		if (a)
			return a;
		while (n->parent && n->parent->right == n)
			n = n->parent;
		n = n->parent;
		if (!n || area_of_shared(n)->pgoff > last)
			return NULL;
		if (last_page(area_of_shared(n)) >= first)
			return area_of_shared(n);
	}
}

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

struct cache_run *inode_run_make(struct vm_inode *i, uint64_t index)
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

/* The bytes of a page on the disk; how many lie before the end of the file. */
static size_t bytes_in_page(const struct vm_inode *i, uint64_t index)
{
	uint64_t at = index << i->host->geometry.page_bits;

	return at >= i->size ? 0 : MIN(page_size(i->host), i->size - at);
}

/* The page's content comes into a fresh frame, of zeros if it has none of its own. True if it came from a device. */
static bool fill_page(struct vm_inode *i, uint64_t index, pfn_t pfn)
{
	struct vm_host *h = i->host;
	uint32_t slot = inode_slot(i, index);

	if (!i->tmpfs) {
		size_t n = bytes_in_page(i, index);

		disk_read_page(i, index, pfn, n);
		h->stats.disk_read += n;
		paging_disk(h);
		return true;
	}
	if (slot == UINT32_MAX)
		return false;
	paging_read(h, slot, pfn);
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
	disk_take(i, at, bytes_in_page(i, index));       /* a full disk shows when the page is written, as a hole */
}

static void mark_clean(struct vm_inode *i, struct frame *f)
{
	if (!(f->flags & FRAME_DIRTY))
		return;
	f->flags &= ~FRAME_DIRTY;
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
	size_t n = bytes_in_page(i, index);
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

/* Calls `each` for every cached page in [first, last]; it may drop the page. */
static void each_cached(struct vm_inode *i, uint64_t first, uint64_t last,
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
		each_cached(i, 0, UINT64_MAX, write_one);
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

void inode_drop_cache(struct vm_inode *i)
{
	vm_inode_writeback(i, NULL);
	each_cached(i, 0, UINT64_MAX, inode_drop_page);
}

/* Reading and writing. */

/* read(2) and write(2) use a page: one that was cached before counts as referenced. */
static pfn_t use_page(struct vm_inode *i, uint64_t index)
{
	pfn_t pfn = inode_cached(i, index);

	if (pfn == PFN_NONE)
		return inode_page(i, index, NULL);
	reclaim_read(i->host, pfn);
	return pfn;
}

/* The bytes of a part of one page, wherever they are. */
static void peek_page(const struct vm_inode *i, uint64_t index, size_t skip, void *to, size_t n)
{
	struct vm_host *h = i->host;
	pfn_t pfn = inode_cached(i, index);
	uint32_t slot = inode_slot(i, index);

	if (pfn != PFN_NONE)
		memcpy(to, frame_bytes(h, pfn) + skip, n);
	else if (slot != UINT32_MAX)
		memcpy(to, swap_bytes(h->swap, slot) + skip, n);
	else
		disk_read(i, (index << h->geometry.page_bits) + skip, to, n);
}

static ssize_t read_pages(struct vm_inode *i, uint64_t at, void *to, size_t len, bool fill)
{
	uint64_t page = page_size(i->host);
	uint8_t *out = to;

	if (i->kind == VM_INODE_DIR)
		return -EISDIR;
	if (at >= i->size)
		return 0;
	len = MIN(len, i->size - at);
	for (size_t done = 0; done < len;) {
		uint64_t index = (at + done) >> i->host->geometry.page_bits, skip = (at + done) & (page - 1);
		size_t n = MIN(len - done, page - skip);

		if (fill && (!i->tmpfs || inode_slot(i, index) != UINT32_MAX))
			use_page(i, index);              /* without a frame for it, the disk answers */
		peek_page(i, index, skip, out + done, n);
		done += n;
	}
	return (ssize_t)len;
}

ssize_t vm_inode_peek(const struct vm_inode *i, uint64_t at, void *to, size_t len)
{
	return read_pages((struct vm_inode *)i, at, to, len, false);
}

ssize_t vm_inode_read(struct vm_inode *i, uint64_t at, void *to, size_t len, struct err *e)
{
	ssize_t n = read_pages(i, at, to, len, true);

	if (n < 0)
		return err_set(e, (int)-n, -1, "a directory cannot be read");
	return n;
}

/*
 * What lies behind the old end in its page becomes part of the file: zeros. As ext4 does, the page is brought in and
 * dirtied, unless it is a hole; tmpfs keeps what was stored there.
 */
static void zero_behind_end(struct vm_inode *i)
{
	struct vm_host *h = i->host;
	uint64_t index = i->size >> h->geometry.page_bits;
	size_t n = bytes_in_page(i, index);
	bool hole = !disk_has(i, i->size);
	pfn_t pfn;

	if (i->tmpfs || n == 0 || n == page_size(h))
		return;
	pfn = hole ? inode_cached(i, index) : inode_page(i, index, NULL);
	if (pfn == PFN_NONE)
		return;                                  /* the disk has zeros there */
	memset(frame_store(h, pfn, n, page_size(h) - n), 0, page_size(h) - n);
	if (!hole)
		inode_page_dirty(i, index);
}

/* A part of one page is written; false: no room on the disk, or (tmpfs) no frame. */
static bool write_part(struct vm_inode *i, uint64_t at, const void *from, size_t n)
{
	struct vm_host *h = i->host;
	uint64_t index = at >> h->geometry.page_bits;
	pfn_t pfn;

	if (!disk_take(i, at, n))
		return false;
	if (at > i->size)
		zero_behind_end(i);                      /* first: it may take the frame that ours would be in */
	pfn = use_page(i, index);
	if (pfn == PFN_NONE && i->tmpfs)
		return false;
	i->size = MAX(i->size, at + n);
	if (pfn == PFN_NONE) {
		disk_write(i, at, from, n);
		h->stats.disk_written += n;
		return true;
	}
	memcpy(frame_store(h, pfn, at & (page_size(h) - 1), n), from, n);
	inode_page_dirty(i, index);
	return true;
}

static int size_check(const struct vm_inode *i, uint64_t at, uint64_t len, struct err *e)
{
	uint64_t most = i->tmpfs ? INT64_MAX : ((uint64_t)1 << 44) - DISK_BLOCK;

	if (i->kind == VM_INODE_DIR)
		return err_set(e, EISDIR, -1, "a directory cannot be written");
	if (i->kind == VM_INODE_LINK)
		return err_set(e, EINVAL, -1, "a symbolic link cannot be written");
	if (at > most || len > most - at)
		return err_set(e, EFBIG, -1, "a file has at most %" G_GUINT64_FORMAT " bytes", most);
	return 0;
}

ssize_t vm_inode_write(struct vm_inode *i, uint64_t at, const void *from, size_t len, struct err *e)
{
	uint64_t page = page_size(i->host);
	size_t done = 0;
	int r = size_check(i, at, len, e);

	if (r < 0)
		return r;
	while (done < len) {
		size_t n = MIN(len - done, page - ((at + done) & (page - 1)));

		if (!write_part(i, at + done, (const uint8_t *)from + done, n))
			break;
		done += n;
	}
	if (done > 0) {
		i->mtime = i->host->clock->now;
		inode_changed(i);
	}
	if (done == 0 && len > 0)
		return err_set(e, ENOSPC, -1, i->tmpfs ? "no frame is free for the page"
						       : "the disk is full: %" G_GUINT64_FORMAT " bytes", DISK_BYTES);
	return (ssize_t)done;
}

/* Truncating and punching. */

/* No entry names pages [first, last] any more; with `copies`, private copies of them go too. */
static void unmap_pages(struct vm_inode *i, uint64_t first, uint64_t last)
{
	unsigned bits = i->host->geometry.page_bits;
	struct area *a = NULL;

	while ((a = inode_mapping_next(i, first, last, a))) {
		uint64_t low = MAX(first, a->pgoff), high = MIN(last, last_page(a));

		pages_zap_cow(a, a->start + ((low - a->pgoff) << bits), a->start + ((high - a->pgoff + 1) << bits));
	}
}

static void drop_slots(struct vm_inode *i, uint64_t first, uint64_t last)
{
	struct cache_run *r;

	for (uint64_t at = first; i->swapped > 0 && at <= last && (r = inode_run_above(i, at));) {
		uint64_t start = r->first;
		uint32_t slots[CACHE_RUN];

		memcpy(slots, r->slot, sizeof slots);
		for (unsigned k = 0; k < CACHE_RUN; k++) {
			if (!slots[k] || start + k < first || start + k > last)
				continue;
			inode_set_slot(i, start + k, UINT32_MAX);
			swap_release(i->host->swap, slots[k] - 1);
		}
		if (start + CACHE_RUN < start)
			break;
		at = start + CACHE_RUN;
	}
}

void inode_free_pages(struct vm_inode *i)
{
	hugetlb_object_free(i);
	each_cached(i, 0, UINT64_MAX, inode_drop_page);
	drop_slots(i, 0, UINT64_MAX);
}

static void zero_part(struct vm_inode *i, uint64_t at, uint64_t end)
{
	struct vm_host *h = i->host;
	uint64_t index = at >> h->geometry.page_bits;
	pfn_t pfn = inode_cached(i, index);

	if (at >= end)
		return;
	if (pfn == PFN_NONE && inode_slot(i, index) != UINT32_MAX)
		pfn = inode_page(i, index, NULL);        /* shmem_get_partial_folio */
	if (pfn == PFN_NONE && inode_slot(i, index) != UINT32_MAX) /* no frame for it */
		swap_zero(h->swap, inode_slot(i, index), at & (page_size(h) - 1), end - at);
	if (pfn != PFN_NONE) {
		memset(frame_store(h, pfn, at & (page_size(h) - 1), end - at), 0, end - at);
		if (i->tmpfs || disk_has(i, at))                /* a hole stays one, and its page clean */
			inode_page_dirty(i, index);
	}
}

static void shrink(struct vm_inode *i, uint64_t size)
{
	unsigned bits = i->host->geometry.page_bits;
	uint64_t first, page_end;

	i->size = size;
	first = inode_pages(i);
	page_end = first << bits;
	unmap_pages(i, first, UINT64_MAX);
	each_cached(i, first, UINT64_MAX, inode_drop_page);
	drop_slots(i, first, UINT64_MAX);
	zero_part(i, size, page_end);
	disk_drop(i, size, UINT64_MAX);
}

int vm_inode_truncate(struct vm_inode *i, uint64_t size, struct err *e)
{
	int r = size_check(i, size, 0, e);

	if (r < 0)
		return r;
	if (size < i->size || (size == i->size && i->tmpfs)) { /* tmpfs zeroes behind the end even where nothing changes */
		shrink(i, size);
	} else {
		zero_behind_end(i);
		i->size = size;
	}
	if (size == 0 && !i->tmpfs)
		i->flush_at_close = true;
	i->mtime = i->host->clock->now;
	inode_changed(i);
	return 0;
}

static void punch_one(struct vm_inode *i, uint64_t index)
{
	rmap_unmap(i->host, inode_cached(i, index), UINT32_MAX);
	inode_drop_page(i, index);
}

void inode_punch(struct vm_inode *i, uint64_t first, uint64_t n)
{
	unsigned bits = i->host->geometry.page_bits;
	uint64_t last = MIN(first + n, inode_pages(i));

	if (n == 0 || first >= last)
		return;
	each_cached(i, first, last - 1, punch_one);
	drop_slots(i, first, last - 1);
	if (!i->tmpfs)
		disk_drop(i, first << bits, last << bits);
	i->mtime = i->host->clock->now;
	inode_changed(i);
}
